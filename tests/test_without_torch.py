"""All that restores works without PyTorch, in MNN; what needs PyTorch says so."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import psutil
import pytest
from skimage import data as skimage_data

from rnan.api import load_restorer
from rnan.degradations.mosaic import mosaic
from rnan.degradations.noise import noisy
from rnan.engines.graph import GraphEngine
from rnan.engines.programs import Weights
from rnan.errors import WeightsError
from rnan.evaluation.metrics import as_eight_bit, psnr
from rnan.export.info import info_of
from rnan.images import Picture, read, write
from rnan.models.header import header_of
from rnan.runtimes.mnn import MnnGraph, metadata_of
from rnan.tasks import get_task
from rnan.weights import registry

BLOCKED = Path(__file__).parent / "blocked.py"
ROOT = BLOCKED.parent.parent
COFFEE = skimage_data.coffee()[60:220, 170:410]


def without_torch(*words: object, **more: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-W", "error", str(BLOCKED), *map(str, words)]
    return subprocess.run(command, capture_output=True, timeout=240, check=False, **more)  # type: ignore[call-overload,no-any-return]


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("an album")
    lq = as_eight_bit(noisy(COFFEE.astype(np.float64), 20, name="a")).astype(np.uint8)
    write(Picture(pixels=lq), folder / "noisy.png")
    bayer = mosaic(COFFEE.astype(np.float64), "rggb").sum(axis=2, keepdims=True).astype(np.uint8)
    write(Picture(pixels=bayer), folder / "mosaic.png")
    write(Picture(pixels=COFFEE), folder / "clean.png")
    return folder


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("denoise", "noisy"),
        ("auto", "noisy"),
        ("dejpeg --quality 90", "clean"),
        ("upscale --scale 3", "clean"),
        ("demosaic --pattern rggb", "mosaic"),
    ],
)
def test_pictures_are_restored(album: Path, tmp_path: Path, command: str, name: str) -> None:
    source, target = album / f"{name}.png", tmp_path / "a.png"
    restoration, *options = command.split()
    done = without_torch(restoration, source, "-o", target, *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    restored = read(target).pixels.astype(np.float64)
    if restoration == "upscale":
        assert restored.shape == (480, 720, 3)
    else:
        assert psnr(restored, COFFEE.astype(np.float64)) > 28


def test_other_commands(album: Path, tmp_path: Path) -> None:
    said = without_torch("inspect", album / "noisy.png", "--json")
    assert json.loads(said.stdout)["steps"] == [{"restoration": "denoise", "level": "auto"}]
    measured = without_torch("evaluate", "denoise-gray", album, "--level", "25")
    assert b"25" in measured.stdout, measured.stderr
    assert b"MNN" in without_torch("--version").stdout
    assert without_torch("models", "list").returncode == 0


def test_the_demo(tmp_path: Path) -> None:
    done = without_torch(ROOT / "scripts" / "demo.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "demo-output" / "restored.png").exists()


def test_a_picture_on_standard_output_is_nothing_else(album: Path) -> None:
    """MNN writes past Python to file descriptor 1."""
    done = without_torch("denoise", album / "noisy.png", "-o", "-", "--sigma", "20")
    assert done.stdout.startswith(b"\x89PNG"), done.stderr
    assert done.stdout.endswith(b"IEND\xaeB`\x82")


def test_the_server(album: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(BLOCKED), "serve", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        address = f"http://127.0.0.1:{port}"
        limit = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{address}/healthz", timeout=5).read()
                break
            except OSError:
                assert time.monotonic() < limit
                assert server.poll() is None
                time.sleep(0.1)
        parts = {
            'picture"; filename="a.png': (album / "noisy.png").read_bytes(),
            "task": b"denoise",
        }
        body = b"".join(
            b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
            % (name.encode(), part)
            for name, part in parts.items()
        )
        request = urllib.request.Request(
            f"{address}/api/v1/restore",
            data=body + b"--x--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
        assert urllib.request.urlopen(request, timeout=60).read().startswith(b"\x89PNG")
    finally:
        server.terminate()
        server.communicate(timeout=30)


@pytest.mark.parametrize(
    "words",
    [
        "train recipes/denoise-color.yaml -o {0}/run",
        "export denoise-color -o {0}/a.onnx",
        "convert denoise-color -o {0}/a.safetensors --task denoise-color",
        "bench",
        "denoise {1}/noisy.png -o {0}/a.png --engine torch",
        "denoise {1}/noisy.png -o {0}/a.png --device cuda",
        "denoise {1}/noisy.png -o {0}/a.png --attention whole",
    ],
)
def test_what_needs_it_says_so(album: Path, tmp_path: Path, words: str) -> None:
    places = str(tmp_path), str(album)
    done = without_torch(*(word.format(*places) for word in words.split()), cwd=ROOT)
    assert done.returncode == 5, done.stderr
    assert done.stderr == b"rnan: torch is not installed; run: pip install 'rnan[torch]'\n"


def test_every_bundled_network_has_its_graph() -> None:
    """Made of just these weights; a picture through it is as through PyTorch."""
    for name in registry.bundled():
        header = header_of((Path(registry.__file__).parent / f"{name}.safetensors").read_bytes())
        for scale in header.config.scales:
            content = registry.graph(name, scale)
            assert content is not None, name
            info = info_of(metadata_of(content), name=name)
            assert info.weights_sha256 == registry.sha256(name), f"make {name} anew: graphs.py"
            assert (info.scale, info.config) == (scale, header.config)


def test_a_graph_of_another_scale_or_level_is_not_taken(tmp_path: Path) -> None:
    """Nor one that is no graph: what lies beside weights may be anything."""
    file = tmp_path / "mine.safetensors"
    file.write_bytes((Path(registry.__file__).parent / "super-resolution.safetensors").read_bytes())
    twice = registry.graph("super-resolution", 2)
    assert twice is not None
    header, task = registry.header(file), get_task("super-resolution")
    weights = Weights(model=file, header=header, task=task)
    assert [weights.graph(scale) for scale in (2, 3, 4)] == [None] * 3
    file.with_suffix(".mnn").write_bytes(twice)
    assert [weights.graph(scale) for scale in (2, 3, 4)] == [twice, None, None]
    file.with_suffix(".mnn").write_bytes(b"something else")
    assert weights.graph(2) is None


@pytest.mark.parametrize("name", registry.bundled())
def test_graphs_are_as_good_as_pytorch(name: str) -> None:
    ours = load_restorer(name, engine="mnn")
    exact = load_restorer(name, engine="torch", dtype="float32")
    assert isinstance(ours.engine, GraphEngine)
    task = get_task(ours.task.name)
    gt = task.reference(COFFEE)
    level = task.level(task.table_levels[0])
    lq = task.degrade(gt, level, name="coffee", seed=0) / 255.0
    asked = {key: value for key, value in level.arguments.items() if value != "auto"}
    restored, expected = (one(lq.astype(np.float32), **asked) for one in (ours, exact))
    assert np.abs(restored - expected).max() < 5e-4
    if restored.shape == gt.shape:
        scores = [psnr(255.0 * one.astype(np.float64), gt) for one in (restored, expected)]
        assert abs(scores[0] - scores[1]) < 0.002


def opened() -> MnnGraph:
    content = registry.graph("denoise-color", 1)
    assert content is not None
    return MnnGraph(content, ["input", "sigma"], metadata_of(content))


@pytest.fixture(scope="module")
def graph() -> MnnGraph:
    return opened()


def test_a_picture_does_not_depend_on_the_one_before() -> None:
    """MNN chooses by the first size that it sees how a graph is computed."""
    sizes = ((64, 64), (96, 72), (112, 112))
    pictures = [np.random.default_rng(0).random((1, 3, *size), np.float32) for size in sizes]
    levels = [np.full((1, 1, *size), 0.1, np.float32) for size in sizes]
    together = opened()
    for picture, level in zip(pictures[::-1], levels[::-1], strict=True):
        alone = opened()(picture, level)
        assert np.array_equal(together(picture, level), alone)


def test_threads_get_the_same_bits(graph: MnnGraph) -> None:
    picture = np.random.default_rng(0).random((1, 3, 96, 72), np.float32)
    level = np.full((1, 1, 96, 72), 0.1, np.float32)
    expected = graph(picture, level)
    found: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: found.append(graph(picture, level))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one, expected) for one in found)
    assert len(found) == 8


def test_values_that_no_picture_has(graph: MnnGraph) -> None:
    level = np.full((1, 1, 24, 24), 0.1, np.float32)
    for value, finite in ((1e-40, True), (0.0, True), (np.nan, False)):
        restored = graph(np.full((1, 3, 24, 24), value, np.float32), level)
        assert np.isfinite(restored).all() == finite
    restorer = load_restorer("denoise-color", engine="mnn")
    with pytest.raises(WeightsError, match="not finite"):
        restorer.engine(np.full((1, 3, 24, 24), np.nan, np.float32), np.full(1, 0.1, np.float32), 1)


@pytest.mark.parametrize("kind", ["cut", "empty", "text", "no tail"])
def test_damaged_graphs_are_refused(kind: str, tmp_path: Path, album: Path) -> None:
    whole = registry.graph("denoise-gray", 1)
    assert whole is not None
    content = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"hello " * 100,
        "no tail": whole[:-40],
    }[kind]
    with pytest.raises(WeightsError, match="no graph of MNN, or damaged"):
        MnnGraph(content, ["input", "sigma"], {})
    (tmp_path / "a.mnn").write_bytes(content)
    target = tmp_path / "a.png"
    done = without_torch(
        "denoise", album / "noisy.png", "-o", target, "--model", tmp_path / "a.mnn"
    )
    assert done.returncode == 5, done.stderr
    assert b"damaged" in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert not target.exists()


@pytest.mark.slow
def test_memory_stays_with_ever_new_sizes(graph: MnnGraph) -> None:
    random, process = np.random.default_rng(0), psutil.Process(os.getpid())
    after = 0
    for number in range(1000):
        height, width = (int(side) for side in random.integers(8, 130, size=2))
        picture = random.random((1, 3, height, width), np.float32)
        graph(picture, np.full((1, 1, height, width), 0.1, np.float32))
        if number == 100:
            after = process.memory_info().rss
    assert process.memory_info().rss - after < 60 * 2**20


@pytest.mark.slow
def test_nothing_is_installed_or_sent() -> None:
    """MNN's converter has a wrapper that does both; it is never imported."""
    code = (
        "import sys\n"
        "from rnan.runtimes import mnn\n"
        "from rnan.weights import registry\n"
        "mnn.MnnGraph(registry.graph('denoise-color', 1), ['input', 'sigma'], {})\n"
        "import _tools\n"
        "assert not [name for name in sys.modules if name.startswith('MNN.tools')]\n"
        "assert 'aliyun' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
