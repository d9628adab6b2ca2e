"""How far non-local blocks see, and the authors' program as the yardstick."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import invoke, photo, rnan
from rnan.api import load_restorer
from rnan.bench.reference import Reference
from rnan.engines.torch import TorchEngine
from rnan.engines.torch_device import choose_dtype
from rnan.errors import ConfigError, WeightsError
from rnan.images import Picture, write
from rnan.inference import RestoreOptions, Restorer
from rnan.inference.quartering import quartered
from rnan.models import RNAN, preset
from rnan.models.checkpoints import Checkpoint, released_keys, to_bytes
from rnan.tasks import get_task

CPU = torch.device("cpu")
NARROW = {"features": 16, "inner": 8, "plan": "NLN"}


def released(task: str = "denoise-color", **fields: object) -> RNAN:
    definition = get_task(task)
    channels = {"channels_in": definition.channels, "channels_out": definition.channels}
    return RNAN(preset("released", **{**NARROW, **channels, **fields})).eval()


def restorer(model: RNAN, attention: str, task: str = "denoise-color", **more: int) -> Restorer:
    engine = TorchEngine(model, device=CPU, dtype=torch.float32, attention=attention)  # type: ignore[arg-type]
    options = RestoreOptions(attention=attention, **more)  # type: ignore[arg-type]
    return Restorer(get_task(task), engine, options)


@pytest.mark.parametrize("size", [(7, 45), (64, 37), (130, 101)])
@pytest.mark.parametrize(
    ("task", "fields"),
    [
        ("denoise-color", {}),
        ("denoise-gray", {}),
        ("demosaic", {}),
        ("dejpeg", {}),
        ("super-resolution", {"scales": [2]}),
        ("super-resolution", {"scales": [3]}),
        ("super-resolution", {"scales": [4]}),
    ],
    ids=["color", "gray", "demosaic", "dejpeg", "x2", "x3", "x4"],
)
def test_released_mode_is_as_exact_as_the_reference(
    size: tuple[int, int], task: str, fields: dict[str, object]
) -> None:
    """In float32 no further from float64 than three times the plain program's own error."""
    model = released(task, **fields)
    scale = model.config.scales[0]
    x = torch.rand(1, model.config.channels_in, *size)
    plain = Reference(model.config)
    plain.model.load_state_dict(
        {
            key.replace("nonlocal_block.", "nonlocal_block.block."): value
            for key, value in model.state_dict().items()
        }
    )
    exact = RNAN(model.config).double().eval()
    exact.load_state_dict(model.state_dict())
    with torch.inference_mode():
        truth = quartered(
            lambda part: exact(torch.from_numpy(part), None, scale).numpy(),
            255 * x.double().numpy(),
            scale,
        )
        truth /= 255
    engine = TorchEngine(model, device=CPU, dtype=torch.float32)
    ours = quartered(lambda part: engine(part, None, scale), x.numpy(), scale)
    theirs, mine = (float(np.abs(y - truth).max()) for y in (plain(x).numpy(), ours))
    assert mine <= 3 * max(theirs, 1e-7)


def test_whole_is_the_network_on_the_whole_picture() -> None:
    model = released()
    x = torch.rand(3, 60, 250)
    with torch.inference_mode():
        expected = model(255 * x[None])[0] / 255
    calls: list[int] = []
    whole = restorer(model, "whole")
    restored = whole(x, progress=lambda done, total: calls.append(total))
    torch.testing.assert_close(restored, expected, rtol=0, atol=2e-4)  # of float32
    assert calls == [1]
    assert float((restorer(model, "released")(x) - expected).abs().max()) > 1e-4


def test_windows_for_a_network_that_was_trained_with_none() -> None:
    """In windows of 24 on the picture's grid: what lies beyond changes nothing inside."""
    model = RNAN(preset("released", **{**NARROW, "plan": "N", "blocks_after": 0})).eval()
    x = torch.rand(1, 16, 96, 144)
    block = model.body[0].mask.nonlocal_block  # type: ignore[index, union-attr]
    with torch.inference_mode():
        TorchEngine(model, device=CPU, dtype=torch.float32, attention="window")
        one = block(x)
        alone = block(x[:, :, :48, 24:72].contiguous())
    torch.testing.assert_close(one[:, :, :48, 24:72], alone, rtol=0, atol=1e-5)


def test_auto_is_what_the_weights_were_trained_with() -> None:
    def engine(name: str, **fields: object) -> TorchEngine:
        config = preset(name, **{"features": 8, "inner": 4, "plan": "NL", **fields})
        return TorchEngine(RNAN(config), device=CPU, dtype=torch.float32)

    assert engine("released").as_released
    assert not engine("paper").as_released
    assert engine("compact").grid == 48
    assert engine("compact", window=10).grid == 20


def test_modes_that_cannot_be() -> None:
    compact = RNAN(preset("compact", features=8, inner=4))
    with pytest.raises(ConfigError, match="attention='released' is for the authors' checkpoints"):
        restorer(compact, "released")
    with pytest.raises(ConfigError, match="attention: 'far' is not one of"):
        load_restorer("denoise-color", attention="far")


@pytest.mark.parametrize("zipped", [True, False], ids=["new", "old"])
def test_convert(tmp_path: Path, zipped: bool) -> None:
    model = released("super-resolution", scales=[3])
    names = released_keys(model.config)
    state = {names[key]: tensor for key, tensor in model.state_dict().items()}
    source, target = tmp_path / "RNAN_SRx3.pt", tmp_path / "out" / "sr3.safetensors"
    torch.save(state, source, _use_new_zipfile_serialization=zipped)
    done = rnan("convert", source, "-o", target, "--task", "super-resolution", "--level", "x3")
    assert done.returncode == 0, done.stderr
    card = json.loads(target.with_suffix(".json").read_text())
    assert (card["task"], card["level"]) == ("super-resolution", "x3")
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    x = torch.rand(3, 22, 31)
    theirs = load_restorer(source, task="super-resolution", dtype="float32")(x, level=3)
    assert torch.equal(load_restorer(target, dtype="float32")(x, level=3), theirs)
    again = rnan("convert", source, "-o", target, "--task", "super-resolution")
    assert (again.returncode, "exists" in again.stderr) == (1, True)
    wrong = rnan("convert", source, "-o", tmp_path / "x.safetensors", "--task", "denoise-color")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (5, 1)
    assert not (tmp_path / "x.safetensors").exists()


def test_a_checkpoint_from_a_gpu_is_read_without_one(tmp_path: Path) -> None:
    """Its tensors say cuda:0; the bytes are those that torch writes, with the place replaced."""
    model = released()
    names = released_keys(model.config)
    path = tmp_path / "gpu.pt"
    state = {names[key]: tensor for key, tensor in model.state_dict().items()}
    torch.save(state, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    place = b"X\x03\x00\x00\x00cpu"
    assert place in content
    path.write_bytes(content.replace(place, b"X\x06\x00\x00\x00cuda:0"))
    x = torch.rand(3, 24, 24)
    restored = load_restorer(path, task="denoise-color", dtype="float32")(x)
    assert torch.equal(restored, restorer(model, "released")(x))


def test_a_network_for_one_level_is_told_none(tmp_path: Path) -> None:
    model = released()
    names = released_keys(model.config)
    torch.save(
        {names[key]: tensor for key, tensor in model.state_dict().items()}, tmp_path / "a.pt"
    )
    write(Picture(pixels=photo(16, 16)), tmp_path / "a.png")
    words = ("denoise", tmp_path / "a.png", "-o", tmp_path / "b.png", "--model", tmp_path / "a.pt")
    with pytest.raises(ConfigError, match=r"a\.pt knows one sigma only; leave sigma= out"):
        invoke(*words, "--sigma", 30)
    assert not (tmp_path / "b.png").exists()
    assert "no sigma needed" in invoke(*words)


def test_a_checkpoint_with_something_else_in_it(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    model = RNAN(preset("compact", features=8, inner=4))
    info = {"task": "denoise-color", "level_range": [0, 75], "training": []}
    content = to_bytes(Checkpoint(config=model.config, state=model.state_dict(), info=info))
    path.write_bytes(content)
    load_restorer(path)
    path.write_bytes(content[:-8])
    with pytest.raises(WeightsError, match="damaged"):
        load_restorer(path)


def test_bfloat16_without_hardware_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    device = torch.device("cpu")
    for has, warned in ((True, False), (False, True)):
        caplog.clear()
        monkeypatch.setattr("rnan.engines.torch_device.has_bfloat16", lambda device, has=has: has)
        assert choose_dtype("bfloat16", device) == torch.bfloat16
        assert ("many times slower" in caplog.text) == warned
