"""Blocks, networks, presets and their figures."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from conftest import small_model
from rnan.errors import ConfigError
from rnan.models import PRESETS, RNAN, RNANConfig, preset
from rnan.models.blocks import AttentionBlock, MaskBranch
from rnan.models.initialise import near_identity
from rnan.models.summary import summarise


def parameters(config: RNANConfig) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in RNAN(config).parameters())


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("paper", {}, 7_447_427),
        ("paper", {"channels_in": 1, "channels_out": 1}, 7_445_121),
        ("paper-small", {}, 1_497_315),
        ("released", {}, 8_959_555),
        ("released", {"channels_in": 1, "channels_out": 1}, 8_957_249),
        ("released", {"plan": "NN"}, 1_837_635),
        # The authors count 24 more for their mean shifts, which here are no parameters.
        ("released", {"scales": [2]}, 9_107_291 - 24),
        ("released", {"scales": [3]}, 9_291_931 - 24),
        ("released", {"scales": [4]}, 9_255_003 - 24),
        ("released", {"scales": [2], "plan": "NN"}, 1_985_371 - 24),
        ("compact", {}, 1_565_612),
        ("compact", {"plan": "NLLN"}, 3_116_748),
    ],
)
def test_parameters(name: str, fields: dict[str, object], expected: int) -> None:
    assert parameters(preset(name, **fields)) == expected


def test_ablation_cases_are_those_of_table_1() -> None:
    assert parameters(PRESETS["ablation-8"]) == parameters(PRESETS["paper"])
    assert parameters(PRESETS["ablation-5"]) == parameters(PRESETS["paper-small"])
    cases = {
        case: (config.mask_branch, config.plan.count("L"), config.plan.count("N"))
        for case in range(1, 9)
        for config in [PRESETS[f"ablation-{case}"]]
    }
    assert cases == {
        1: (False, 7, 0),
        2: (True, 7, 0),
        3: (False, 5, 2),
        4: (True, 5, 2),
        5: (True, 1, 1),
        6: (True, 2, 2),
        7: (True, 5, 1),
        8: (True, 8, 2),
    }


SIZES = [(1, 1), (1, 7), (2, 3), (5, 5), (17, 31), (48, 50)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", ["compact", "paper", "released", "ablation-3"])
def test_any_size_goes_in_and_comes_out(name: str, size: tuple[int, int]) -> None:
    model = RNAN(preset(name, features=8, inner=4, plan="NL")).eval()
    level = torch.rand(2) if model.config.level_channel else None
    with torch.no_grad():
        assert model(torch.rand(2, 3, *size), level).shape == (2, 3, *size)


@pytest.mark.parametrize("name", ["compact", "released"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_super_resolution_enlarges(name: str, scale: int) -> None:
    model = RNAN(preset(name, features=8, inner=4, plan="NL", scales=[scale])).eval()
    with torch.no_grad():
        assert model(torch.rand(1, 3, 7, 5), scale=scale).shape == (1, 3, 7 * scale, 5 * scale)


def test_several_scales_share_a_body() -> None:
    model = RNAN(preset("compact", features=8, inner=4, scales=[2, 3, 4]))
    assert model(torch.rand(1, 3, 6, 6), scale=3).shape == (1, 3, 18, 18)
    with pytest.raises(ConfigError, match="scale must be one of 2, 3, 4"):
        model(torch.rand(1, 3, 6, 6))


@pytest.mark.parametrize("size", [(1, 1), (9, 14), (13, 13)], ids=str)
@pytest.mark.parametrize("fields", [{}, {"scales": [2, 3]}], ids=["same-size", "enlarging"])
def test_starts_as_the_identity(size: tuple[int, int], fields: dict[str, object]) -> None:
    model = small_model(**fields)
    near_identity(model)
    scale = max(model.config.scales)
    x = torch.rand(1, 3, *size)
    level = torch.rand(1) if model.config.level_channel else None
    expected = x.repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    assert torch.equal(model(x, level, scale), expected)


def test_a_level_map_of_one_value_is_that_value() -> None:
    model = small_model()
    x = torch.rand(1, 3, 21, 18)
    level = torch.tensor([0.2])
    as_map = level[:, None, None, None].expand(1, 1, 21, 18)
    torch.testing.assert_close(model(x, as_map), model(x, level))
    other = as_map.clone()
    other[..., 10:] = 0.4
    assert not torch.equal(model(x, other), model(x, level))


def test_a_level_is_taken_exactly_where_there_is_a_channel_for_it() -> None:
    with pytest.raises(ConfigError, match="needs a level"):
        small_model()(torch.rand(1, 3, 4, 4))
    plain = RNAN(preset("paper", features=8, inner=4, plan="L"))
    with pytest.raises(ConfigError, match="takes no level"):
        plain(torch.rand(1, 3, 4, 4), torch.rand(1))


def block(*, is_nonlocal: bool = False, **fields: object) -> AttentionBlock:
    shape = {"features": 8, "inner": 4, "blocks_before": 0, "blocks_after": 0}
    config = replace(preset("paper"), **{**shape, **fields})
    return AttentionBlock(config, is_nonlocal=is_nonlocal).eval()


def test_attention_learning_is_that_of_the_paper() -> None:
    x = torch.randn(1, 8, 9, 7)
    eq8, eq7 = block(), block(keep_input=False)
    assert eq8.mask is not None
    assert eq7.mask is not None
    torch.testing.assert_close(eq8(x), eq8.trunk(x) * eq8.mask(x) + x)
    torch.testing.assert_close(eq7(x), eq7.trunk(x) * (eq7.mask(x) + 1))
    bare = block(mask_branch=False)
    torch.testing.assert_close(bare(x), bare.trunk(x) + x)
    case3 = block(mask_branch=False, is_nonlocal=True)
    assert case3.trunk_attention is not None
    torch.testing.assert_close(case3(x), case3.trunk(case3.trunk_attention(x)) + x)


def test_mask_lies_between_0_and_1_and_follows_eq_6() -> None:
    branch = MaskBranch(8, 1, 4)
    mask = branch(20 * torch.randn(2, 8, 11, 6)).detach()
    assert mask.shape == (2, 8, 11, 6)
    assert 0 <= float(mask.min()) < float(mask.max()) <= 1


@pytest.mark.parametrize(
    "fields",
    [
        {"plan": "L"},
        {"plan": "LL", "upsample_kernel": 6},
        {"plan": "L", "unshuffle": 2, "upsample_kernel": 4},
        {"plan": "LL", "mask_branch": False},
    ],
    ids=str,
)
def test_receptive_field_bounds_what_is_seen(fields: dict[str, object]) -> None:
    config = preset("paper", features=4, inner=2, **fields)
    reach = summarise(config).receptive_field // 2
    model = RNAN(config).double()
    side = 2 * reach + 21
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    middle = side // 2
    model(x)[0, :, middle, middle].sum().backward()
    assert x.grad is not None
    seen = x.grad.abs().sum(dim=(0, 1)).nonzero()
    farthest = int((seen - middle).abs().max())
    # ReLU may hide the last pixel or two of the bound; a view that is half of it would be wrong.
    assert 0.8 * reach <= farthest <= reach


def test_figures_of_the_paper_network() -> None:
    figures = summarise(PRESETS["released"])
    assert figures.parameters == 8_959_555
    assert figures.mflop_per_pixel == pytest.approx(12.9, abs=0.1)
    assert len(figures.blocks) == 12


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"plan": "NX"}, "plan must be a row of N and L"),
        ({"features": 0}, "features must be 1 to 1024, got 0"),
        ({"upsample_kernel": 5}, "upsample_kernel must be 3, 4 or 6"),
        ({"window": 0}, "window must be at least 1"),
        ({"scales": [2, 2]}, "scales must be different"),
        ({"scales": 2}, "scales: expected a list, got 2"),
        ({"scales": [0]}, "scales must be numbers from 1 to 16"),
        ({"plan": "N" * 999}, "at most 200 blocks"),
        ({"value_range": float("nan")}, "value_range must be positive"),
        ({"mean": [1.0]}, "mean needs 3 values"),
        ({"featurs": 3}, r"unknown setting model.featurs \(did you mean features\?\)"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        preset("paper", **fields)


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown preset compct \(did you mean compact\?\)"):
        preset("compct")
