from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest
import torch

from conftest import restorer, small_model
from rnan.engines.torch import TorchEngine
from rnan.inference import Restorer
from rnan.inference.ensemble import self_ensemble
from rnan.inference.tiling import batches, spans, tiles
from rnan.tasks import get_task


@pytest.mark.parametrize("length", [1, 31, 36, 48, 100, 101, 250, 1000, 1001])
@pytest.mark.parametrize(
    ("tile", "overlap", "grid"),
    [(100, 20, 4), (64, 32, 16), (96, 96, 48), (64, 96, 16), (40, 0, 1), (32, 96, 24)],
)
def test_weights_add_up_to_one(length: int, tile: int, overlap: int, grid: int) -> None:
    total = np.zeros(length, np.float32)
    for span in spans(length, tile=tile, overlap=overlap, grid=grid):
        assert span.start % grid == 0
        total[span.start : span.stop] += span.weights(1)
    np.testing.assert_allclose(total, 1.0, rtol=1e-6)


@pytest.mark.parametrize("scale", [1, 3])
def test_a_picture_cut_and_joined_is_itself(scale: int) -> None:
    picture = np.random.default_rng(0).random((1, 3, 210, 333), np.float32)
    out = np.zeros((1, 3, 210 * scale, 333 * scale), np.float32)
    plan = list(tiles(210, 333, tile=96, overlap=32, grid=16))
    assert len(plan) > 6
    for tile in plan:
        part = tile.cut(picture).repeat(scale, 2).repeat(scale, 3)
        tile.add_to(out, part, scale)
    np.testing.assert_allclose(out, picture.repeat(scale, 2).repeat(scale, 3), rtol=1e-6)


def test_the_outer_quarter_of_an_overlap_is_thrown_away() -> None:
    first, second = spans(200, tile=120, overlap=40, grid=4)
    assert first.stop - second.start >= 40
    shared = first.stop - second.start
    quarter = shared // 4
    assert first.weights(1)[-quarter:].max() == 0
    assert second.weights(1)[:quarter].max() == 0


def test_tiles_leave_no_seam() -> None:
    """With the reach of the network inside the overlap, tiled equals whole."""
    model = small_model(plan="N", features=4, inner=2)
    picture = torch.rand(3, 700, 530)
    whole = restorer(model, tile=1024)(picture, level=30)
    # Convolutions see 45 pixels, a window has 16: a quarter of 256 holds both.
    tiled = restorer(model, tile=512, overlap=256)(picture, level=30)
    torch.testing.assert_close(tiled, whole, rtol=0, atol=2e-6)
    assert not torch.equal(whole, picture)


def test_tiles_of_one_shape_go_together() -> None:
    plan = list(tiles(210, 333, tile=96, overlap=32, grid=16))
    groups = list(batches(plan, 4))
    assert [tile for group in groups for tile in group] != plan[::-1]
    assert sorted(map(id, (tile for group in groups for tile in group))) == sorted(map(id, plan))
    assert all(len({tile.shape for tile in group}) == 1 for group in groups)
    assert max(map(len, groups)) == 4


@pytest.mark.parametrize("level", [30.0, "map"])
def test_batches_of_tiles_change_nothing(level: object) -> None:
    """As a GPU runs them."""
    picture = torch.rand(3, 150, 210)
    told = np.linspace(5, 60, 150 * 210).reshape(150, 210) if level == "map" else level
    one = restorer(small_model(), tile=64, overlap=16)
    expected = one(picture, level=told)
    one.engine.batch = 4
    calls: list[int] = []
    got = one(picture, level=told, progress=lambda done, total: calls.append(done))
    torch.testing.assert_close(got, expected, rtol=0, atol=5e-6)
    assert len(calls) < calls[-1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
@pytest.mark.skipif(" " in sys.prefix, reason="torch.compile fails where a path has a blank")
def test_compiled_is_the_same() -> None:
    picture = torch.rand(3, 40, 56)
    model = small_model()
    engine = TorchEngine(model, device=torch.device("cpu"), dtype=torch.float32, compiled=True)
    compiled = Restorer(get_task("denoise-color"), engine)(picture, level=20)
    torch.testing.assert_close(compiled, restorer(model)(picture, level=20), rtol=0, atol=1e-5)


def test_what_cannot_be_compiled_runs_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no compiler\nmore")

    monkeypatch.setattr(torch, "compile", lambda model: broken)
    picture = torch.rand(3, 40, 56)
    model = small_model()
    engine = TorchEngine(model, device=torch.device("cpu"), dtype=torch.float32, compiled=True)
    one = Restorer(get_task("denoise-color"), engine)
    assert torch.equal(one(picture, level=20), restorer(model)(picture, level=20))
    assert "cannot be compiled here, going on without: no compiler" in caplog.text


def test_self_ensemble_is_the_mean_of_eight() -> None:
    """Of a function that commutes with turns it is that function; of others the mean."""
    x = np.random.default_rng(0).random((1, 3, 5, 8), np.float32)
    np.testing.assert_allclose(self_ensemble(lambda y, _: y * 2, x, None), x * 2, rtol=1e-6)
    # Adding the row number, which turns with the picture's frame, gives the mean over frames.
    rows = self_ensemble(lambda y, _: y + np.arange(y.shape[2], dtype=np.float32)[:, None], x, None)
    expected = x + (4 * (5 - 1) / 2 + 4 * (8 - 1) / 2) / 8
    np.testing.assert_allclose(rows, expected, rtol=1e-6)


def test_self_ensemble_turns_a_map_with_the_picture() -> None:
    x, level = np.random.default_rng(0).random((2, 1, 1, 6, 9), np.float32)
    product = self_ensemble(lambda y, turned: y * turned, x, level)
    np.testing.assert_allclose(product, x * level, rtol=1e-6)
