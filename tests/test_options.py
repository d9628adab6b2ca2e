"""What can be asked for is read alike by every door, and refused in its own spelling."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fastapi import FastAPI
from PIL import Image

import rnan
from conftest import photo
from conftest import rnan as run
from rnan.errors import ConfigError, InputError, OptionRef, RnanError, WeightsError
from rnan.inference.exposures import _bilinear
from rnan.options.request import make_request, request_options
from rnan.options.server import ServerOptions
from rnan.server.forms import as_json, fields
from rnan.server.problems import problem_of


def test_a_message_is_spelt_as_its_door_spells() -> None:
    with pytest.raises(ConfigError) as caught:
        make_request("denoise", {"sigma": "80"})
    error = caught.value
    assert str(error) == "sigma= must lie between 0 and 75, got 80"
    assert error.spelled(OptionRef.as_flag).startswith("--sigma must lie")
    problem = problem_of(error)
    assert problem["detail"].startswith('"sigma" must lie')
    assert problem["option"] == "sigma"
    assert (error.option, error.value) == ("sigma", 80.0)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.option, again.value) == (str(error), "sigma", 80.0)
    named = InputError("several; ", OptionRef("frame", 1), " takes the first")
    assert named.spelled(OptionRef.as_flag) == "several; --frame 1 takes the first"
    assert str(named) == "several; frame=1 takes the first"


@pytest.mark.parametrize("value", [np.ones((4, 4)), np.array([2.0, 2.0]), [2, 2], 10**400, "x\ny"])
@pytest.mark.parametrize("name", ["scale", "pattern"])
def test_what_is_no_scale_and_no_pattern(name: str, value: object) -> None:
    task = {"scale": "upscale", "pattern": "demosaic"}[name]
    for given in ({name: value}, {"level": value}):
        with pytest.raises(ConfigError, match=rf"^{name}= must be") as caught:
            rnan.restore(photo(16, 16), task=task, **given)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 160


def test_a_map_may_be_lists() -> None:
    picture, level = photo(16, 20), np.full((16, 20), 12.0)
    expected = rnan.restore(picture, level=level)
    assert np.array_equal(rnan.restore(picture, task="denoise", sigma=level.tolist()), expected)


def test_spellings_of_before() -> None:
    """0 was the default of ``sigma=``; a level is given once, a model is none where it is empty."""
    picture = photo(16, 20)
    expected = rnan.restore(picture, level=20)
    assert np.array_equal(rnan.restore(picture, level=20, sigma=0), expected)
    assert np.array_equal(
        rnan.restore(picture, model="dejpeg-color", level=30, sigma=0.0),
        (rnan.restore(picture, task="dejpeg", quality=30)),
    )
    for task, given in (("upscale", {"scale": 2}), ("denoise", {"sigma": 9})):
        with pytest.raises(ConfigError, match="are the same: give one of them"):
            rnan.restore(picture, task=task, level=3, **given)
    with pytest.raises(WeightsError):
        rnan.restore(picture, model="")
    for task in ("foo", "auto", 3, []):
        with pytest.raises(ConfigError, match="unknown task"):
            rnan.restore(picture, task=task)  # type: ignore[arg-type]


def test_a_stream_takes_the_same_names() -> None:
    restorer = rnan.load_restorer("dejpeg-color")
    (restored,) = restorer.stream([photo(16, 20)], quality=30)
    assert np.array_equal(restored, restorer(photo(16, 20), quality=30))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--engine", "foo"),
            "--engine must be one of auto, openvino, mnn, onnx, torch, got 'foo'",
        ),
        (("--device", "foo"), "--device: unknown device 'foo'"),
        (("--max-memory", "nan"), "--max-memory: 'nan' is no size"),
        (("--max-memory", ""), "--max-memory is empty"),
        (("--max-memory", "1"), "--max-memory must be at least 67108864, got 1"),
        (("--strength", "inf"), "--strength must lie between 0 and 1, got inf"),
        (("--frame", "0"), "--frame must be at least 1, got 0"),
        (("--tile", "2.5"), "--tile takes a whole number, got '2.5'"),
    ],
)
def test_the_command_line_names_the_option(
    words: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    Image.fromarray(photo(16, 16)).save(tmp_path / "a.png")
    done = run("denoise", tmp_path / "a.png", "-o", tmp_path / "b.png", *words)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_large_whole_number_is_one() -> None:
    assert make_request("denoise", {"tile": "9" * 23}).restoring.tile == int("9" * 23)


def test_other_doors_say_why() -> None:
    with pytest.raises(ConfigError, match="model= is not for auto, which chooses"):
        make_request("auto", {"model": "denoise-color"})
    done = run("export", "denoise-color", "-o", "x.onnx", "--level", "nan")
    assert "--level must lie between 0 and 75, got nan" in done.stderr or done.returncode == 5


def test_the_api_offers_choices() -> None:
    pattern = as_json(fields()["pattern"])
    assert pattern["choices"] == ["auto", "grbg", "rggb", "bggr", "gbrg"]
    assert as_json(fields()["sigma"])["choices"] == []
    assert not any(option.machine for option in fields().values())
    assert {"engine", "device"} <= {*request_options("denoise")}


def test_an_empty_token_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setenv("RNAN_TOKEN", "")

    def serve(options: ServerOptions, app: FastAPI, say: object) -> None:
        started.append(options)
        app.state.folder.close()

    monkeypatch.setattr("rnan.server.serve", serve)
    assert run("serve").returncode == 0
    assert started[0].token is None


def test_weights_of_exposures_are_blended_as_pytorch_blends() -> None:
    plane = np.random.default_rng(0).random((1, 7, 9), np.float32)
    expected = F.interpolate(torch.from_numpy(plane)[None], [21, 31], mode="bilinear")[0].numpy()
    assert np.abs(_bilinear(plane, 21, 31) - expected).max() < 1e-6


def test_every_error_takes_parts() -> None:
    for kind in RnanError.__subclasses__():
        if kind.__name__ != "MissingExtraError":
            assert str(kind("a ", OptionRef("tile"), " b")) == "a tile= b"


def test_messages_show_long_values_in_one_line() -> None:
    ragged = [[1, 2], list(range(200))]
    for given in ({"level": ragged}, {"model": np.zeros((99, 99))}, {"tile": np.zeros((99, 99))}):
        with pytest.raises(RnanError) as caught:
            rnan.restore(photo(16, 16), **given)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 160
