"""Weights to and from bytes, and the authors' names."""

from __future__ import annotations

import io
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from conftest import small_model
from rnan.api import load_restorer
from rnan.errors import WeightsError
from rnan.inference.quartering import quartered
from rnan.models import RNAN, preset
from rnan.models.checkpoints import (
    FORMAT,
    Checkpoint,
    from_bytes,
    load_fitting,
    released_keys,
    to_bytes,
)
from rnan.models.released import released_from_bytes
from rnan.options.mapping import to_mapping
from rnan.weights import registry


def checkpoint() -> Checkpoint:
    model = small_model()
    return Checkpoint(config=model.config, state=model.state_dict(), info={"task": "denoise-color"})


def test_round_trip() -> None:
    before = checkpoint()
    after = from_bytes(to_bytes(before, dtype=torch.float32))
    assert after.config == before.config
    assert after.info == {"task": "denoise-color"}
    x, level = torch.rand(1, 3, 16, 16), torch.rand(1)
    torch.testing.assert_close(after.build()(x, level), before.build()(x, level), rtol=0, atol=0)


def test_half_precision_halves_the_file() -> None:
    half, full = (len(to_bytes(checkpoint(), dtype=d)) for d in (torch.float16, torch.float32))
    assert half < 0.6 * full


def odd(**info: object) -> Checkpoint:
    return Checkpoint(config=checkpoint().config, state=checkpoint().state, info=info)


def damaged() -> dict[str, bytes]:
    whole = to_bytes(checkpoint())
    state = dict(checkpoint().state)
    header = {"config": {"plan": "NL", "featurs": 3}}
    return {
        "empty": b"",
        "a few bytes": whole[:7],
        "cut in the header": whole[:200],
        "cut in the tensors": whole[:-100],
        "not safetensors": b"\x80\x04" + bytes(300),
        "a header of absurd length": (2**60).to_bytes(8, "little") + whole[8:],
        "no metadata": save(state),
        "a later format": whole.replace(b'"rnan-1"', b'"rnan-9"'),
        "a task that is no name": to_bytes(odd(task=[1])),
        "levels that are no numbers": to_bytes(odd(level_range=["a", "b"])),
        "metadata that is no JSON": save(state, {"format": FORMAT, "rnan": "{"}),
        "metadata that is a list": save(state, {"format": FORMAT, "rnan": "[]"}),
        "metadata that is a number": save(state, {"format": FORMAT, "rnan": "1"}),
        "an unknown setting": save(state, {"format": FORMAT, "rnan": json.dumps(header)}),
    }


@pytest.mark.parametrize("kind", damaged())
def test_damaged_files_are_refused_in_one_line(kind: str) -> None:
    with pytest.raises(WeightsError) as caught:
        from_bytes(damaged()[kind], name="file")
    assert "\n" not in str(caught.value)
    assert "file is not a weights file of rnan or is damaged" in str(caught.value)


def test_whole_numbers_are_refused() -> None:
    good = checkpoint()
    header = {"config": to_mapping(good.config)}
    whole = {key: value.int() for key, value in good.state.items()}
    data = save(whole, {"format": FORMAT, "rnan": json.dumps(header)})
    with pytest.raises(WeightsError, match="not floating-point"):
        from_bytes(data)


def test_values_that_are_not_finite_are_refused() -> None:
    broken = checkpoint()
    broken.state["head.weight"] = torch.full_like(broken.state["head.weight"], float("nan"))
    with pytest.raises(WeightsError, match="not finite"):
        from_bytes(to_bytes(broken))


def test_tensors_of_another_network_are_refused() -> None:
    good = checkpoint()
    lacking = {key: value for key, value in good.state.items() if key != "head.bias"}
    with pytest.raises(WeightsError, match=r"weights lack head\.bias"):
        Checkpoint(config=good.config, state=lacking).build()
    extra = {**good.state, "tail.weight": torch.zeros(1)}
    with pytest.raises(WeightsError, match=r"unknown tail\.weight"):
        Checkpoint(config=good.config, state=extra).build()
    other = {**good.state, "head.bias": torch.zeros(3)}
    with pytest.raises(WeightsError, match=r"head\.bias of shape \(3,\), the network needs \(8,\)"):
        Checkpoint(config=good.config, state=other).build()


def test_load_fitting_takes_what_fits_and_says_so() -> None:
    source = small_model()
    same = small_model()
    assert load_fitting(same, source.state_dict()) == []
    assert torch.equal(same.head.weight, source.head.weight)

    longer = small_model(plan="NLL")
    lines = load_fitting(longer, source.state_dict())
    assert len(lines) == 1
    assert "start as they were made (body.2." in lines[0]
    trunks = [model.body[1].trunk[0].conv1.weight for model in (longer, source)]
    assert torch.equal(*trunks)

    gray = small_model(channels_in=1, channels_out=1)
    lines = load_fitting(gray, source.state_dict())
    assert any("another shape" in line and "head.weight" in line for line in lines)


def by_rule(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """The rule of the known answers, see the README beside them."""
    draws = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)
    if len(shape) == 1:
        return draws * 0.05
    gain = 0.01 if "theta" in key or "phi" in key else 0.6
    return draws * gain / np.sqrt(np.prod(shape[1:]))


CASES = [
    "denoise-color-24x20",
    "denoise-color-2blocks-16x28",
    "denoise-gray-20x24",
    "super-resolution-x2-16x20",
    "super-resolution-x3-16x20",
    "super-resolution-x4-16x20",
    "denoise-color-quartered-41x50",
    "denoise-color-2blocks-quartered-twice-181x190",
    pytest.param("super-resolution-x2-2blocks-quartered-200x260", marks=pytest.mark.bars),
    "super-resolution-x2-quartered-30x27",
]


def by_rule_of(case: str) -> RNAN:
    """The network of a case, in 64 bits."""
    channels = 1 if "gray" in case else 3
    fields: dict[str, object] = {"channels_in": channels, "channels_out": channels}
    if "2blocks" in case:
        fields["plan"] = "NN"
    if "resolution" in case:
        fields["scales"] = [int(case.split("-x")[1][0])]
    config = preset("released", **fields)
    model = RNAN(config).double().eval()
    names = released_keys(config)
    model.load_state_dict(
        {
            key: torch.from_numpy(by_rule(names[key], tuple(tensor.shape)))
            for key, tensor in model.state_dict().items()
        }
    )
    return model


def input_of(case: str) -> torch.Tensor:
    height, width = (int(side) for side in case.rsplit("-", 1)[1].split("x"))
    rng = np.random.default_rng(zlib.crc32(case.encode()))
    channels = 1 if "gray" in case else 3
    return torch.from_numpy(rng.uniform(0, 255, (1, channels, height, width)))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_known_answers_of_the_authors_program(data: Path, case: str) -> None:
    with np.load(data / "reference" / "released_network" / "known_answers.npz") as answers:
        expected = answers[case]
    model, x = by_rule_of(case), input_of(case)
    scale = model.config.scales[0]

    def answer(x: torch.Tensor) -> np.ndarray:
        with torch.no_grad():
            y = cut(x) if "quartered" in case else model(x).numpy()
        return y[:, :, 180:220] if "200x260" in case else y

    def cut(x: torch.Tensor) -> np.ndarray:
        return quartered(lambda part: model(torch.from_numpy(part)).numpy(), x.numpy(), scale)

    largest = np.abs(expected).max()
    tolerance = 1e-9 if expected.dtype == np.float64 else 1e-6
    assert np.abs(answer(x) - expected).max() <= tolerance * largest
    model.float()
    assert np.abs(answer(x.float()) - expected).max() <= 1e-3 * largest


@pytest.mark.slow
@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_of_the_authors_restores_as_their_program(
    data: Path, tmp_path: Path, zipped: bool
) -> None:
    case = "denoise-color-2blocks-quartered-twice-181x190"
    model = by_rule_of(case).float()
    names = released_keys(model.config)
    state = {names[key]: tensor for key, tensor in model.state_dict().items()}
    state["sub_mean.weight"] = torch.eye(3)  # in their files; part of our configuration
    path = tmp_path / "RNAN.pt"
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    restorer = load_restorer(path, task="denoise-color", dtype="float32")
    with np.load(data / "reference" / "released_network" / "known_answers.npz") as answers:
        expected = answers[case][0] / 255
    restored = restorer((input_of(case)[0] / 255).float(), level="auto")
    assert np.abs(restored.numpy() - expected).max() <= 1e-3 * np.abs(expected).max()


def test_pickles_that_are_no_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    for content, message in (
        (torch.nn.Conv2d(1, 1, 1), "cannot|can be read safely"),
        ({"a": 1}, "something else than named tensors"),
        ({"head.0.weight": torch.zeros(4, 3, 3, 3)}, "another network"),
    ):
        torch.save(content, path)
        with pytest.raises(WeightsError, match=message):
            registry.load(path)
    path.write_bytes(b"\x80\x02garbage")
    with pytest.raises(WeightsError, match="can be read safely"):
        registry.load(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_pickles_are_refused_in_one_line(zipped: bool) -> None:
    model = small_model()
    buffer = io.BytesIO()
    state = {key: tensor.half() for key, tensor in list(model.state_dict().items())[:6]}
    torch.save(state, buffer, _use_new_zipfile_serialization=zipped)
    whole = buffer.getvalue()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        for place in rng.integers(len(whole), size=3):
            content[place] = rng.integers(256)
        with pytest.raises(WeightsError) as caught:  # six tensors are no network in any case
            released_from_bytes(bytes(content))
        assert "\n" not in str(caught.value)
        refused += "can be read safely" in str(caught.value)
    assert refused > 20


@pytest.mark.parametrize("size", [(1, 1), (7, 45), (20, 20), (33, 130)])
def test_quarters_cover_any_size(size: tuple[int, int]) -> None:
    x = np.random.default_rng(0).random((1, 3, *size), np.float32)

    def double(part: np.ndarray) -> np.ndarray:
        return part.repeat(2, axis=2).repeat(2, axis=3)

    assert np.array_equal(quartered(lambda part: part, x, 1), x)
    assert np.array_equal(quartered(double, x, 2), double(x))


def test_released_names_are_one_to_one() -> None:
    for fields in ({}, {"scales": [4]}, {"plan": "NN"}):
        names = released_keys(preset("released", **fields))
        assert len(set(names.values())) == len(names)
    ten = released_keys(preset("released"))
    assert ten["body.0.mask.nonlocal_block.out.weight"] == (
        "body_nl_low.0.body.0.RA_MB.0.MB_RB1.0.W.weight"
    )
    assert ten["body.0.mask.before.0.conv2.bias"] == (
        "body_nl_low.0.body.0.RA_MB.0.MB_RB1.1.body.2.bias"
    )
    assert ten["body.4.mask.before.0.conv1.bias"] == "body.3.body.0.RA_MB.0.MB_RB1.0.body.0.bias"
    assert ten["body.9.last.weight"] == "body_nl_high.0.body.1.weight"
    assert ten["body_conv.weight"] == "body.8.weight"
    assert ten["tails.x1.0.weight"] == "tail.0.weight"
