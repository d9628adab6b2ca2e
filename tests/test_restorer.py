"""Pictures of every kind through a restorer, and what it refuses."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import photo, restorer, small_model
from rnan.api import load_restorer
from rnan.degradations.jpeg import encode
from rnan.degradations.mosaic import PATTERNS, measured, mosaic
from rnan.degradations.resize import resize
from rnan.engines.torch import TorchEngine
from rnan.errors import Cancelled, ConfigError, InputError, ResourceError, WeightsError
from rnan.images import Picture, from_float, read, to_float
from rnan.images.colour import to_luma
from rnan.inference import RestoreOptions, Restorer
from rnan.inference.mosaics import arrange
from rnan.inference.tiled import filled_up
from rnan.models import RNAN, preset
from rnan.models.initialise import near_identity
from rnan.options.restoring import parse_size
from rnan.tasks import get_task

KINDS = {
    "uint8": photo(20, 30),
    "uint16": photo(20, 30).astype(np.uint16) * 257,
    "float32": (photo(20, 30) / 255).astype(np.float32),
    "float64": photo(20, 30) / 255,
    "float beyond 0-1": (photo(20, 30) / 100 - 0.5).astype(np.float32),
    "gray": photo(20, 30)[:, :, 0],
    "gray with an axis": photo(20, 30)[:, :, :1],
    "with opacity": np.dstack((photo(20, 30), photo(20, 30, seed=3)[:, :, 0])),
    "gray with opacity": photo(20, 30)[:, :, :2],
    "one pixel": photo(1, 1),
    "turned memory": photo(30, 20).transpose(1, 0, 2),
    "backwards": photo(20, 30)[:, ::-1],
}


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_come_back_as_they_were(kind: str) -> None:
    """The network that does nothing gives back the very values."""
    before = KINDS[kind]
    after = restorer()(before, level=10)
    assert after.dtype == before.dtype
    assert after.shape == before.shape
    if before.dtype.kind == "u":
        assert np.array_equal(after, before)
    else:
        np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 9, 14), (1, 9, 14), (2, 3, 9, 14), (2, 1, 9, 14)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.float64])
def test_tensors_come_back_as_they_were(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    before = torch.rand(shape).to(dtype)
    after = restorer()(before, level=10)
    assert after.dtype == dtype
    torch.testing.assert_close(after, before, rtol=0, atol=1e-6)


def test_tensors_of_whole_numbers_come_back_as_they_were() -> None:
    before = torch.from_numpy(photo(9, 14).transpose(2, 0, 1).copy())
    assert torch.equal(restorer()(before, level=10), before)


@pytest.mark.parametrize("kind", [">u2", ">f2", ">f4", ">f8"])
def test_arrays_of_the_other_byte_order(kind: str) -> None:
    before = (photo(20, 30).astype(float) / (1 if kind == ">u2" else 255)).astype(kind)
    after = restorer()(before, level=10)
    assert after.dtype == before.dtype.newbyteorder("=")
    np.testing.assert_allclose(after, before, atol=1e-3)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_is_an_array() -> None:
    assert np.array_equal(
        restorer()(np.matrix(photo(9, 14)[:, :, 0]), level=10), photo(9, 14)[:, :, 0]
    )


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "I;16"])
def test_pil_comes_back(mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(photo(9, 8).astype(np.uint16)[:, :, 0] * 257)
    else:
        image = Image.fromarray(photo(9, 8)).convert(mode)
    after = restorer()(image, level=10)
    assert after.mode == {"P": "RGB", "1": "L"}.get(mode, mode)
    assert np.array_equal(np.asarray(after), np.asarray(image.convert(after.mode)))


@pytest.mark.parametrize("mode", ["L", "RGB", "La", "RGBa"])
def test_opacity_of_pil_comes_back(mode: str) -> None:
    image = Image.fromarray(photo(9, 8)).convert({"La": "LA", "RGBa": "RGBA"}.get(mode, mode))
    if image.mode == mode:
        image.info["transparency"] = 7 if mode == "L" else (1, 2, 3)
    else:
        image.putalpha(Image.fromarray(photo(9, 8, channels=1)[:, :, 0]))
        image = image.convert(mode)
    expected = image.convert("LA" if mode in ("L", "La") else "RGBA")
    after = restorer()(image, level=0)
    assert after.mode == expected.mode
    assert np.array_equal(np.asarray(after), np.asarray(expected))


def test_arrays_of_any_strides_and_read_only_ones() -> None:
    gray = photo(1, 40, channels=1)[:, :, 0].astype(np.float32) / 255
    gray.flags.writeable = False
    assert np.allclose(restorer()(gray[::-1], level=0), gray, atol=1e-6)


def test_opacity_stays_between_none_and_full() -> None:
    step = np.zeros((16, 16, 4), np.float32)
    step[:, 8:, 3] = 1
    larger = for_task("super-resolution")(step, level=2)
    assert larger[..., 3].min() == 0
    assert larger[..., 3].max() == 1


def test_a_picture_keeps_opacity_and_metadata() -> None:
    before = Picture(pixels=photo(8, 9), alpha=photo(8, 9)[:, :, 0])
    after = restorer()(before, level=10)
    assert np.array_equal(after.pixels, before.pixels)
    assert after.alpha is before.alpha
    assert after.metadata is before.metadata


def test_a_map_of_one_level_is_that_level() -> None:
    model = small_model()
    picture = torch.rand(3, 130, 100)
    number = restorer(model, tile=64, overlap=32)(picture, level=30)
    as_map = restorer(model, tile=64, overlap=32)(picture, level=np.full((130, 100), 30))
    torch.testing.assert_close(as_map, number)


def test_strength_blends() -> None:
    model = small_model()
    picture = torch.rand(3, 16, 16)
    full = restorer(model)(picture, level=30)
    half = restorer(model, strength=0.5)(picture, level=30)
    torch.testing.assert_close(half, (full + picture) / 2)
    assert torch.equal(restorer(model, strength=0.0)(picture, level=30), picture)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        ("path.png", "cannot restore a str"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.zeros((5, 5, 5), np.uint8), "1 to 4 channels"),
        (np.zeros(5, np.uint8), "must be"),
        (np.zeros((5, 5), np.int64), "int64 are not taken"),
        (np.full((5, 5, 3), np.nan), "not finite"),
        (torch.zeros(3, 5, 5, dtype=torch.int32), "torch.int32 are not taken"),
        (torch.zeros(3, 5, 5, device="meta"), "those without values"),
        (torch.zeros(3, 5, 5).to_sparse(), "sparse"),
        (torch.zeros(0, 3, 5, 5), "holds no pictures"),
        (np.ma.masked_array(photo(5, 5), photo(5, 5) > 200), "masked"),
        (Image.open(io.BytesIO(encode(photo(64, 64), 90)[:900])), "cannot be read"),
        (torch.zeros(4, 5, 5), "1 or 3 channels"),
        (Image.new("CMYK", (5, 5)), "mode CMYK"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_restored_is_refused(picture: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        restorer()(picture, level=10)


@pytest.mark.parametrize(
    ("level", "message"),
    [
        (-1, "sigma= must lie between 0 and 75, got -1"),
        (76, "got 76"),
        (float("nan"), "got nan"),
        ("high", "a number or auto"),
        (1 + 2j, "takes a number or auto"),
        (np.zeros(0), "the map of sigma is empty"),
        (np.full((4, 4), 10.0), r"must have the picture's size \(16, 16\), got \(4, 4\)"),
        (np.full((16, 16), 90.0), "got 90"),
    ],
)
def test_levels_that_cannot_be_are_refused(level: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        restorer()(photo(16, 16), level=level)


def test_auto_takes_the_estimate() -> None:
    model = small_model()
    noisy = photo(100, 100) / 255 + np.random.default_rng(0).normal(0, 20 / 255, (100, 100, 3))
    one = restorer(model)
    sigma = one.estimate(noisy)
    assert sigma == pytest.approx(20, rel=0.1)
    assert np.array_equal(one(noisy, level="auto"), one(noisy, level=sigma))


def test_progress_counts_tiles() -> None:
    seen: list[tuple[int, int]] = []
    restorer(tile=64, overlap=32)(photo(200, 150), level=5, progress=lambda *x: seen.append(x))
    total = seen[0][1]
    assert total > 4
    assert seen == [(done + 1, total) for done in range(total)]
    eight: list[tuple[int, int]] = []
    one = restorer(tile=64, overlap=32, self_ensemble=True)
    one(photo(200, 150), level=5, progress=lambda *x: eight.append(x))
    assert eight == [(done + 1, 8 * total) for done in range(8 * total)]


def test_cancel_stops_between_tiles() -> None:
    stop = threading.Event()

    def after_two(done: int, _total: int) -> None:
        if done == 2:
            stop.set()

    with pytest.raises(Cancelled):
        restorer(tile=64)(photo(300, 300), level=5, progress=after_two, cancel=stop)
    stop.clear()
    one = restorer(self_ensemble=True)
    with pytest.raises(Cancelled):  # in the middle of the only tile
        one(photo(30, 30), level=5, progress=after_two, cancel=stop)


def test_threads_do_not_disturb_each_other() -> None:
    one = restorer(small_model(), tile=64)
    pictures = [torch.rand(3, 100, 70) for _ in range(6)]
    alone = [one(picture, level=20) for picture in pictures]
    together: list[torch.Tensor | None] = [None] * 6

    def work(index: int) -> None:
        together[index] = one(pictures[index], level=20)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for expected, got in zip(alone, together, strict=True):
        assert got is not None
        assert torch.equal(expected, got)


class Overflowing(TorchEngine):
    """Gives values that are not finite in half precision."""

    def _run(self, lq: np.ndarray, level: object, scale: int, dtype: torch.dtype) -> torch.Tensor:
        return torch.from_numpy(lq) * (float("inf") if dtype != torch.float32 else 1.0)


def test_a_tile_that_overflows_is_computed_again(caplog: pytest.LogCaptureFixture) -> None:
    engine = Overflowing(small_model(), device=torch.device("cpu"), dtype=torch.bfloat16)
    picture = torch.rand(3, 200, 200) + 0.1
    result = Restorer(get_task("denoise-color"), engine, RestoreOptions(tile=64))(picture, level=9)
    torch.testing.assert_close(result, picture)
    assert [record.message for record in caplog.records] == [
        "torch.bfloat16 overflowed; computing such tiles in float32"
    ]


class Broken(TorchEngine):
    """Gives values that are not finite whatever the type."""

    def _run(self, lq: np.ndarray, level: object, scale: int, dtype: torch.dtype) -> torch.Tensor:
        return torch.from_numpy(lq.copy()) * float("nan")


def test_a_network_that_never_gives_numbers_is_an_error() -> None:
    for dtype in (torch.bfloat16, torch.float32):
        engine = Broken(small_model(), device=torch.device("cpu"), dtype=dtype)
        with pytest.raises(WeightsError, match="its weights are broken"):
            Restorer(get_task("denoise-color"), engine)(photo(16, 16), level=5)


class Hungry(TorchEngine):
    """Has memory for small tiles only."""

    limit = 70

    def _run(self, lq: np.ndarray, level: object, scale: int, dtype: torch.dtype) -> torch.Tensor:
        if max(lq.shape) > self.limit:
            raise torch.OutOfMemoryError("out of memory")
        return torch.from_numpy(lq.copy())


def test_a_result_beyond_memory_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    free = 2**20
    monkeypatch.setattr("rnan.engines.device.free_memory", lambda device="cpu": free)
    engine = Broken(small_model(scales=(2, 4)), device=torch.device("cpu"), dtype=torch.float32)
    one = Restorer(get_task("super-resolution"), engine)
    with pytest.raises(ResourceError, match=r"^0 megapixels \(240x200\) take about 0.0 GiB"):
        one(photo(50, 60), level=3)
    free = 2**22
    with pytest.raises(WeightsError, match="broken"):  # now it is run
        one(photo(50, 60), level=3)


def test_tiles_are_halved_when_memory_runs_out() -> None:
    engine = Hungry(small_model(), device=torch.device("cpu"), dtype=torch.float32)
    picture = torch.rand(3, 200, 200)
    task = get_task("denoise-color")
    automatic = Restorer(task, engine, RestoreOptions(overlap=32))
    torch.testing.assert_close(automatic(picture, level=9), picture)
    with pytest.raises(ResourceError, match="pass a smaller tile="):
        Restorer(task, engine, RestoreOptions(tile=128))(picture, level=9)


def test_the_time_is_guessed_from_a_probe() -> None:
    one = restorer(small_model())
    small, large = one.seconds_for(200, 200), one.seconds_for(2000, 2000)
    assert small > 0
    assert 100 <= large / small < 200  # by area, and tiles overlap
    for sides, scale in (((0, 5), 1.0), ((-3, 5), 1.0), ((5, 5), 7.0), ((5, 5), 0.0)):
        with pytest.raises(ConfigError):
            restorer().seconds_for(*sides, scale=scale)


@pytest.mark.parametrize(
    ("sigma", "message"), [("auto", "takes a number"), (np.full((32, 32), 5.0), "takes a number")]
)
def test_noise_of_a_mosaic_is_one_number(sigma: str | np.ndarray, message: str) -> None:
    one = load_restorer("demosaic")
    with pytest.raises(ConfigError, match=message):
        one(np.zeros((32, 32), np.uint8), level="grbg", sigma=sigma)


def test_white_is_1_in_floating_point() -> None:
    one = restorer()
    picture = photo(40, 48).astype(np.float32)
    for wrong in (picture, torch.from_numpy(picture).permute(2, 0, 1)):
        with pytest.raises(InputError, match="white is 1, but the mean of the picture is"):
            one(wrong, level=25)
    lights = picture / 255.0
    lights[:4] = 20.0
    assert np.allclose(one(lights, level=25), lights, atol=1e-3)


def test_one_probe_tells_of_all_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    one = restorer(small_model())
    calls = []
    run = one.engine.__call__
    monkeypatch.setattr(
        type(one.engine), "__call__", lambda _, *given: calls.append(given) or run(*given)
    )
    one.seconds_for(200, 200)
    probes = len(calls)
    assert probes > 0
    one.seconds_for(2000, 2000)
    assert len(calls) == probes


def test_memory_chooses_the_tile() -> None:
    small = restorer(small_model(features=64, inner=32), max_memory=2**26)
    large = restorer(small_model(features=64, inner=32), max_memory=2**29)
    assert small.tiled.tile < large.tiled.tile
    assert small.tiled.tile % small.engine.grid == 0
    assert small.tiled.tile**2 * small.engine.bytes_per_pixel <= 2**26


@pytest.mark.parametrize(
    ("text", "size"),
    [("512M", 2**29), ("2G", 2**31), ("1.5 GiB", 3 * 2**29), ("70000000", 7 * 10**7)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1G", "2X"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match="is no size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("pixels", "alpha", "message"),
    [
        (np.zeros((4, 4, 3), np.int32), None, "not int32"),
        (np.zeros((4, 4), np.uint8), None, r"not \(4, 4\)"),
        (np.zeros((4, 4, 7), np.uint8), None, r"not \(4, 4, 7\)"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8), r"not \(4, 5\)"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), bool), "not bool"),
    ],
)
def test_pictures_that_cannot_be(
    pixels: np.ndarray, alpha: np.ndarray | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Picture(pixels=pixels, alpha=alpha)


def test_one_level_is_of_one_picture() -> None:
    with pytest.raises(InputError, match="one picture"):
        restorer().estimate(torch.rand(2, 3, 20, 20))


ELSEWHERE = """
import torch
torch.set_default_device("meta")
torch.set_num_threads(1)
import numpy as np
import rnan
from rnan.tasks import TASKS

picture = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
for name, task in TASKS.items():
    given = picture if task.channels == 3 and name != "demosaic" else picture[:, :, 0]
    restorer = rnan.load_restorer(name, self_ensemble=True, tile=64)
    level = {"demosaic": "grbg", "super-resolution": 2}.get(name, "auto")
    assert restorer(given, level=level).any()
    assert restorer.seconds_for(10, 10) > 0
"""


@pytest.mark.slow
def test_a_default_device_of_the_caller_is_left_alone() -> None:
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_options_that_cannot_be() -> None:
    for fields in ({"tile": 8}, {"overlap": -1}, {"max_memory": 100}, {"strength": 1.5}):
        with pytest.raises(ConfigError):
            RestoreOptions(**fields)


def test_weights_of_an_unknown_task_are_refused(tmp_path: object) -> None:
    from pathlib import Path

    from rnan.api import load_restorer
    from rnan.models.checkpoints import Checkpoint, to_bytes

    model = small_model()
    path = Path(str(tmp_path)) / "w.safetensors"
    state = model.state_dict()
    path.write_bytes(to_bytes(Checkpoint(config=model.config, state=state, info={"task": "x"})))
    with pytest.raises(WeightsError, match="task 'x'"):
        load_restorer(path)
    path.write_bytes(b"\x80\x04cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(WeightsError, match="no weights file that can be read safely"):
        load_restorer(path)
    with pytest.raises(WeightsError, match="do not exist"):
        load_restorer(Path(str(tmp_path)) / "none.safetensors")
    with pytest.raises(WeightsError, match="unknown model denoise-colour"):
        load_restorer("denoise-colour")
    with pytest.raises(ConfigError, match=r"unknown setting devce \(did you mean device\?\)"):
        load_restorer("denoise-color", devce="cpu")
    with pytest.raises(ConfigError, match="denoise-color is for denoise-color, not for dejpeg"):
        load_restorer("denoise-color", task="dejpeg")
    with pytest.raises(ConfigError, match=r"unknown task dejpg \(did you mean dejpeg\?\)"):
        load_restorer("denoise-color", task="dejpg")


def for_task(name: str, **fields: object) -> Restorer:
    """A restorer that does nothing, for another task."""
    task = get_task(name)
    shape = {"channels_in": task.channels, "channels_out": task.channels, **fields}
    if task.scales != (1,):
        shape["scales"] = task.scales
    model = small_model(**shape)
    near_identity(model)
    engine = TorchEngine(model, device=torch.device("cpu"), dtype=torch.float32)
    return Restorer(task, engine)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (2, 2), (5, 3), (37, 50)])
def test_every_pattern_and_size_is_turned_to_grbg_and_back(
    pattern: str, size: tuple[int, int]
) -> None:
    gt = photo(*size).astype(np.float64)
    zero_filled = mosaic(gt, pattern).astype(np.uint8)
    arranged = arrange((zero_filled / 255.0).transpose(2, 0, 1).astype(np.float32), pattern)
    assert arranged.shape[1] % 2 == arranged.shape[2] % 2 == 0
    assert not (arranged * ~measured(*arranged.shape[1:])).any()
    one = for_task("demosaic")
    # The network that does nothing gives the zero-filled mosaic back.
    assert np.array_equal(one(zero_filled, level=pattern), zero_filled)
    single = zero_filled.sum(axis=2).astype(np.uint8)
    assert np.array_equal(one(single, level=pattern), zero_filled)
    together = Restorer(one.task, one.engine, RestoreOptions(self_ensemble=True))
    assert np.array_equal(together(single, level=pattern), zero_filled)
    deep = single.astype(np.uint16) * 257
    assert np.array_equal(one(deep, level=pattern), zero_filled.astype(np.uint16) * 257)


def test_what_is_no_mosaic() -> None:
    one = for_task("demosaic")
    with pytest.raises(InputError, match="no RGGB mosaic"):
        one(mosaic(photo(8, 8).astype(np.float64), "grbg").astype(np.uint8), level="rggb")
    with pytest.raises(ConfigError, match=r"got 'grgb' \(did you mean"):
        one(photo(8, 8, channels=1), level="grgb")
    with pytest.raises(InputError, match="looks like no mosaic: say its pattern"):
        one(photo(8, 8, channels=1))
    with pytest.raises(
        ConfigError, match="pattern= must be one of auto, grbg, rggb, bggr, gbrg, got 5"
    ):
        one(photo(8, 8, channels=1), level=5)
    with pytest.raises(ConfigError, match="sigma= must lie between 0 and 15"):
        one(photo(8, 8, channels=1), level="grbg", sigma=40)
    with pytest.raises(ConfigError, match="sigma= is not for super-resolution; it takes scale="):
        for_task("super-resolution")(photo(8, 8), level="x2", sigma=25)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_enlarging(scale: int, channels: int) -> None:
    picture = photo(21, 30, channels=channels)
    one = for_task("super-resolution")
    large = one(picture, level=scale)
    # The network that does nothing repeats each pixel.
    assert np.array_equal(large, picture.repeat(scale, axis=0).repeat(scale, axis=1))
    tiled = Restorer(one.task, one.engine, RestoreOptions(tile=32, overlap=8, self_ensemble=True))
    assert np.array_equal(tiled(photo(50, 70), level=scale), one(photo(50, 70), level=scale))
    with_alpha = np.concatenate((photo(21, 30), np.full((21, 30, 1), 90, np.uint8)), axis=2)
    assert one(with_alpha, level=scale).shape == (21 * scale, 30 * scale, 4)
    with pytest.raises(
        ConfigError, match=r"scale= must lie between 1.1 and 4 with these weights, got 5"
    ):
        one(picture, level=5)
    if scale == 2:
        assert np.array_equal(one(picture), large)


@pytest.mark.parametrize(("scale", "own"), [(1.1, 2), (1.5, 2), (2.01, 3), (3.3, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_enlarging_between_the_scales(scale: float, own: int, dtype: type) -> None:
    picture = (photo(21, 30) / (765.0 if dtype == np.float32 else 3.0)).astype(dtype)
    one = for_task("super-resolution")
    large = one(picture, level=scale)
    assert large.dtype == dtype
    height, width = round(21 * scale), round(30 * scale)
    assert large.shape == (height, width, 3)
    # By hand: the next scale of the network, then imresize, rounded once at the end.
    as_float = one(to_float(picture), level=own)
    expected = from_float(resize(as_float, height, width), np.dtype(dtype))
    assert np.allclose(large, expected, atol=1e-6 if dtype == np.float32 else 0)
    half = Restorer(one.task, one.engine, RestoreOptions(strength=0.0))(picture, level=scale)
    plain = from_float(resize(to_float(picture), height, width), np.dtype(dtype))
    assert np.allclose(half, plain, atol=1e-6 if dtype == np.float32 else 0)
    transparent = np.concatenate((photo(21, 30), np.full((21, 30, 1), 90, np.uint8)), axis=2)
    opacity = one(transparent, level=scale)[:, :, 3]
    assert opacity.shape == (height, width)
    assert np.all(opacity == 90)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 4), (24, 31)])
@pytest.mark.parametrize("pattern", ["grbg", "rggb", "bggr", "gbrg"])
def test_measured_samples_stay(pattern: str, size: tuple[int, int]) -> None:
    plain = for_task("demosaic")
    plain.engine.model.tails["x1"][0].bias.data.fill_(0.1)
    options = RestoreOptions(keep_samples=True)
    keeping = Restorer(plain.task, plain.engine, options)
    where = measured(*size, pattern).transpose(1, 2, 0)
    for dtype in (np.uint8, np.uint16):
        shown = (photo(*size) // 2).astype(dtype) * dtype(np.iinfo(dtype).max // 255)
        mosaic = np.where(where, shown, dtype(0))
        kept, changed = keeping(mosaic, level=pattern), plain(mosaic, level=pattern)
        assert np.array_equal(kept[where], mosaic[where])
        assert not np.array_equal(changed[where], mosaic[where])
        assert np.array_equal(kept[~where], changed[~where])
        flat = mosaic.sum(axis=2, keepdims=True).astype(dtype)
        assert np.array_equal(keeping(flat, level=pattern), kept)
    with pytest.raises(ConfigError, match="for mosaics, not for colour denoising"):
        Restorer(get_task("denoise-color"), plain.engine, options)


def test_colour_through_a_network_for_luma_keeps_its_chroma() -> None:
    one = for_task("dejpeg")
    one.engine.model.tails["x1"][0].bias.data.fill_(0.1)  # adds to every luma
    picture = photo(24, 24).astype(np.float32) / 255
    brighter = one(picture, level=10)
    luma = to_luma(255.0 * brighter.astype(np.float64)) - to_luma(255.0 * picture)
    assert np.allclose(luma, 25.5, atol=1e-3)
    assert np.allclose(np.ptp(brighter - picture, axis=2), 0, atol=1e-6)
    with pytest.raises(InputError, match="take denoise-color"):
        for_task("denoise-gray")(picture, level=10)


def test_quality_is_read_in_the_file_or_estimated(tmp_path: Path) -> None:
    one = for_task("dejpeg-color")
    picture = photo(96, 128)
    (tmp_path / "a.jpg").write_bytes(encode(picture, 37))
    assert one.estimate(read(tmp_path / "a.jpg")) == 37
    assert abs(one.estimate(read(tmp_path / "a.jpg").pixels) - 37) <= 1


def test_a_deep_mosaic_from_pil_is_refused_before_any_work() -> None:
    one = for_task("demosaic")
    deep = Image.fromarray(photo(8, 8, channels=1)[:, :, 0].astype(np.uint16) * 257)
    with pytest.raises(InputError, match="pass a numpy array"):
        one(deep, level="grbg")
    gray = Image.fromarray(photo(8, 8, channels=1)[:, :, 0])
    gray.info["icc_profile"] = b"a profile for gray"
    restored = one(gray, level="grbg")
    assert restored.mode == "RGB"
    assert "icc_profile" not in restored.info


def test_quarters_tell_of_their_progress_and_can_be_stopped() -> None:
    model = RNAN(preset("released", plan="NN", features=8, inner=4)).eval()
    engine = TorchEngine(model, device=torch.device("cpu"), dtype=torch.float32)
    one = Restorer(get_task("denoise-color"), engine, RestoreOptions(self_ensemble=True))
    seen: list[tuple[int, int]] = []
    one(photo(60, 44), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 32) for number in range(1, 33)]
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        one(photo(60, 44), cancel=stop)


def test_sides_that_the_network_never_saw_are_filled_up() -> None:
    picture = photo(45, 62)
    level = np.random.default_rng(0).uniform(5, 50, (45, 62)).astype(np.float32)
    one = restorer(small_model())
    around = ((0, 3), (0, 2))
    mirrored = np.pad(picture, (*around, (0, 0)), mode="reflect")
    for told, beyond in ((20, 20), (level, np.pad(level, around, mode="reflect"))):
        whole = one(mirrored, level=beyond)
        assert np.array_equal(one(picture, level=told), whole[:45, :62])
    # A side that is too short for a mirror is left to the network.
    assert one(picture[:3, :2], level=20).shape == (3, 2, 3)
    repeated = filled_up(np.arange(5.0).reshape(1, 1, 1, 5), 4, "edge")
    assert repeated[0, 0].tolist() == [[0.0, 1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0]]
    assert filled_up(repeated, 3, None) is repeated


@pytest.mark.parametrize("name", ["denoise-color", "denoise-gray", "demosaic"])
def test_the_last_rows_are_as_good_as_others(name: str) -> None:
    """Beyond what the network does by itself at sides that it never saw."""
    task, one = get_task(name), load_restorer(name, dtype="float32")
    level = task.level("50" if task.takes == "picture" else "grbg")
    size = (93, 89) if task.takes == "picture" else (94, 90)  # whole Bayer cells
    told = level.value / task.level_scale
    errors = []
    for seed in range(4):
        gt = task.reference(photo(*size, seed=seed))
        lq = (task.degrade(gt, level, name="a", seed=seed) / 255.0).astype(np.float32)
        restored = 255.0 * one(lq, **level.arguments)
        direct = one.engine(lq.transpose(2, 0, 1)[None], np.array([told], np.float32), 1)
        plain = 255.0 * direct[0].transpose(1, 2, 0)
        errors.append([np.square(picture - gt)[-2:].mean() for picture in (restored, plain)])
    filled, left = np.mean(errors, axis=0)
    assert filled < 0.9 * left
