"""CONTRIBUTING's walk-throughs: a task, a format, an engine, a network, all from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

import rnan
from conftest import photo, small_model, small_weights
from conftest import rnan as run
from rnan.engines import BaseEngine, programs
from rnan.errors import ConfigError
from rnan.evaluation.datasets import Reference
from rnan.evaluation.methods import Network
from rnan.evaluation.runner import measure
from rnan.images import EXTENSIONS, Picture, read, write
from rnan.images.formats import registry as formats
from rnan.models import PRESETS, RNAN, preset
from rnan.models.checkpoints import Checkpoint, to_bytes
from rnan.models.initialise import near_identity
from rnan.options.levels import LEVELS, LevelOptions
from rnan.options.option import option
from rnan.options.request import make_request, request_options
from rnan.options.restoring import RestoreOptions
from rnan.pipeline.pipeline import Pipeline
from rnan.pipeline.plan import Plan
from rnan.tasks import RESTORATIONS, TASKS, Level, Protocol, Restoration, Task
from rnan.tasks import register_restoration as register
from rnan.tasks.level import number


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    tables = (
        *(TASKS, RESTORATIONS, LEVELS, PRESETS, programs.PROGRAMS),
        *(formats.FORMATS, formats.WRITTEN, formats.USUAL_ENDING),
    )
    before, extensions = [dict(table) for table in tables], list(EXTENSIONS)
    yield
    for table, content in zip(tables, before, strict=True):
        table.clear()
        table.update(content)
    EXTENSIONS[:] = extensions
    request_options.cache_clear()


# A task


@dataclass(frozen=True, kw_only=True)
class DarkLevel(LevelOptions):
    """How dark."""

    name = "stops"
    stops: float = option(1.0, "How many stops too dark, 0 to 4.", low=0.0, high=4.0)


@dataclass(frozen=True, kw_only=True)
class Brighten(Task):
    """Undoes a picture that is too dark."""

    table_levels: tuple[str, ...] = ("1", "2")
    asks = DarkLevel
    level_name = "stops"
    level_scale = 4.0
    done = "brightened by stops"

    def level(self, text: str) -> Level:
        value = number(text, text, "a number of stops")
        return Level(name=f"{value:g}", value=value, arguments={"stops": value})

    def degrade(
        self, gt: NDArray[np.float64], level: Level, *, name: str, seed: int
    ) -> NDArray[np.float64]:
        return gt / 2.0**level.value

    def degrade_batch(self, gt: Tensor, values: Tensor, draws: Tensor, scale: int) -> Tensor:
        return gt / (2.0**values)[:, None, None, None]


def weights_for(task: str, path: Path, model: RNAN) -> Path:
    near_identity(model)
    info = {"task": task, "level_range": [0, 4], "training": []}
    path.write_bytes(to_bytes(Checkpoint(config=model.config, state=model.state_dict(), info=info)))
    return path


def test_a_task(tmp_path: Path) -> None:
    task = Brighten(
        name="brighten", title="brightening", test_sets=(), protocol=Protocol(name="rgb")
    )
    register(Restoration(name="brighten", tasks={1: task, 3: task}))
    weights = weights_for("brighten", tmp_path / "w.safetensors", small_model())

    # Python, the pipeline behind the commands, and what can be asked for.
    picture = photo(40, 48)
    assert np.array_equal(rnan.restore(picture, model=weights, level=1.5), picture)
    with pytest.raises(ConfigError, match="stops= must lie between 0 and 4, got 9"):
        rnan.restore(picture, model=weights, level=9)
    write(Picture(pixels=picture), tmp_path / "a.png")
    request = make_request("brighten", {"stops": "2", "model": str(weights)})
    result = Pipeline(request)(Plan(tmp_path / "a.png", tmp_path / "out" / "a.png"))
    assert result.description == "stops 2 given"
    with pytest.raises(ConfigError, match="sigma= is not for brighten"):
        make_request("brighten", {"sigma": "3"})
    assert "stops" in request_options()

    # Measuring: the network does nothing, so what is left is the degradation.
    gt = task.reference(picture)
    network = Network(rnan.load_restorer(weights))
    (score,) = measure(task, [Reference(name="a", gt=gt)], [task.level("1")], network)
    assert score.psnr == pytest.approx(
        10 * np.log10(255**2 / np.square(gt / 2 - gt).mean()), abs=0.1
    )


def test_a_format(tmp_path: Path) -> None:
    def decode(data: bytes, name: str, options: object) -> Picture:
        height, width = (int(word) for word in data[5:15].split())
        pixels = np.frombuffer(data[15:], np.uint8).reshape(height, width, 3)
        return Picture(pixels=pixels.copy())

    def encode(picture: Picture, options: object) -> bytes:
        height, width = picture.size
        return b"PLAIN%5d%5d" % (height, width) + picture.pixels.tobytes()

    formats.register(
        formats.Format(
            name="PLAIN",
            endings=(".plain",),
            recognises=lambda data: data.startswith(b"PLAIN"),
            decode=decode,
            encode=encode,
        )
    )
    album, out = tmp_path / "album", tmp_path / "out"
    write(Picture(pixels=photo(30, 40)), album / "a.plain")
    weights = small_weights(tmp_path / "w.safetensors")
    done = run("denoise", album, "-o", out, "--model", weights, "--sigma", 10)
    assert done.returncode == 0, done.stderr
    assert np.array_equal(read(out / "a.plain").pixels, photo(30, 40))


class Brighter(BaseEngine):
    """Adds a tenth, on the processor."""

    channels, scales, takes_level, attention = 3, (1,), True, ""
    grid, multiple, largest_tile, bytes_per_pixel = 2, 1, 64, 100

    def __call__(
        self, lq: NDArray[np.float32], level: NDArray[np.float32] | None, scale: int
    ) -> NDArray[np.float32]:
        return lq + np.float32(0.1)


def test_an_engine(tmp_path: Path) -> None:
    def check(options: RestoreOptions) -> None:
        if options.compile:
            raise ConfigError("nothing to compile")

    programs.register(
        programs.Program(
            name="brighter",
            title="a program",
            check=check,
            open_weights=lambda weights, options, reopen: Brighter(),
        )
    )
    restorer = rnan.load_restorer("denoise-color", engine="brighter", overlap=8)
    picture = photo(100, 150).astype(np.float32) / 255
    assert np.allclose(restorer(picture, sigma=9), picture + 0.1, atol=1e-5)  # in tiles
    with pytest.raises(ConfigError, match="nothing to compile"):
        rnan.load_restorer("denoise-color", engine="brighter", compile=True)
    write(Picture(pixels=photo(20, 20)), tmp_path / "a.png")
    done = run("denoise", tmp_path / "a.png", "-o", tmp_path / "b.png", "--engine", "brighter")
    assert done.returncode == 0, done.stderr


def test_a_network(tmp_path: Path) -> None:
    PRESETS["narrow"] = replace(preset("compact"), features=8, inner=4, plan="LNL")
    model = RNAN(preset("narrow", window=8)).eval()
    weights = weights_for("denoise-color", tmp_path / "w.safetensors", model)
    picture = photo(40, 48)
    assert np.array_equal(rnan.restore(picture, model=weights, sigma=20), picture)
    assert "narrow" in run("models", "list").stdout
