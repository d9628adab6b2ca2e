"""Exported networks: the same as PyTorch at every size, in ONNX Runtime, OpenVINO, darktable."""

from __future__ import annotations

import importlib.util
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import darktable
from conftest import invoke, photo, small_model
from rnan.api import load_restorer
from rnan.engines import choose, programs
from rnan.engines.choose import open_model
from rnan.engines.peer import open_peer
from rnan.errors import ConfigError, InputError, RnanError, WeightsError
from rnan.export import largest_difference, to_onnx
from rnan.export.info import GraphInfo, info_of
from rnan.images import Picture, read, write
from rnan.inference import RestoreOptions
from rnan.integrations.darktable import OVERLAP, input_sizes, to_darktable
from rnan.models import RNAN, preset
from rnan.models.checkpoints import Checkpoint, to_bytes
from rnan.models.header import Header
from rnan.runtimes.onnxruntime import OnnxRuntimeGraph
from rnan.runtimes.openvino import OpenVinoGraph
from rnan.tasks import get_task
from rnan.weights import registry

pytestmark = pytest.mark.slow

CPU = "cpu"
CLOSE = 1e-4
IN_SHORT = {("dejpeg", 1)}
EVERY = [
    pytest.param(
        name,
        scale,
        # Writing a graph takes seconds; every `rnan export` checks its own.
        marks=() if (name, scale) in IN_SHORT else pytest.mark.bars,
    )
    for name in registry.bundled()
    for scale in registry.load(name).config.scales
]
needs_openvino = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="needs the extra openvino"
)


def narrow(**fields: object) -> Checkpoint:
    """A narrow and short network; it does much, since its weights are random."""
    torch.manual_seed(1)
    short = {"plan": "N", "blocks_after": 1, "trunk_blocks": 1}
    model = small_model(**{**short, **fields})
    info = {"task": "super-resolution" if "scales" in fields else "denoise-color"}
    return Checkpoint(config=model.config, state=model.state_dict(), info=info)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow network: its weights, and exported."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "narrow.safetensors").write_bytes(to_bytes(narrow(), dtype=torch.float32))
    invoke("export", folder / "narrow.safetensors", "-o", folder / "narrow.onnx")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scale"), EVERY)
def test_bundled_networks_equal_pytorch_at_many_sizes(name: str, scale: int) -> None:
    """Random pictures of five sizes, odd ones among them, and a real one."""
    checkpoint, task = registry.load(name), get_task(name)
    content = to_onnx(checkpoint, task, name=name, scale=scale, card=registry.card(name))
    graph = OnnxRuntimeGraph(content, CPU)
    assert json.loads(graph.metadata["rnan_card"])["title"] == task.title
    names = ["input", *([task.level_name] if task.level_name else [])]
    assert [one for one, _ in graph.inputs] == names
    info = info_of(graph.metadata, name=name)
    assert (info.task, info.scale, info.config) == (name, scale, checkpoint.config)
    assert largest_difference(graph, info, checkpoint, task) < CLOSE
    real = photo(75, 110, channels=checkpoint.config.channels_in).transpose(2, 0, 1)[None] / 255
    given = [real.astype(np.float32)]
    level = None
    if info.takes_level:
        level = torch.full((1, 1, 75, 110), 0.1)
        given.append(level.numpy())
    with torch.no_grad():
        expected = checkpoint.build()(torch.from_numpy(given[0]), level, scale)
    assert np.abs(graph(*given) - expected.numpy()).max() < CLOSE


def test_a_wrong_graph_is_seen(folder: Path) -> None:
    """What is held against PyTorch can fail."""
    checkpoint, task = narrow(), get_task("denoise-color")
    graph = OnnxRuntimeGraph((folder / "narrow.onnx").read_bytes(), CPU)
    info = info_of(graph.metadata, name="narrow")
    assert largest_difference(graph, info, checkpoint, task) < CLOSE
    other = Checkpoint(
        config=checkpoint.config,
        state={key: 1.01 * tensor for key, tensor in checkpoint.state.items()},
        info=checkpoint.info,
    )
    assert largest_difference(graph, info, other, task) > 10 * CLOSE


@pytest.mark.parametrize("softmax", ["keys", "queries"])
@pytest.mark.parametrize("window", [8, None])
def test_padded_windows_equal_the_parts(softmax: str, window: int | None) -> None:
    from rnan.models.attention import NonLocalBlock
    from rnan.models.exported import attend_in_padded_windows

    block = NonLocalBlock(6, 4, softmax=softmax, window=window).double()  # type: ignore[arg-type]
    for height, width in ((16, 8), (13, 21), (3, 5), (1, 1)):
        x = torch.randn(2, 6, height, width, dtype=torch.float64)
        maps = torch.cat((block.theta(x), block.phi(x), block.g(x)), dim=1)
        y = attend_in_padded_windows(maps, window, softmax)  # type: ignore[arg-type]
        torch.testing.assert_close(x + block.out(y), block(x), atol=1e-6, rtol=1e-6)


@pytest.mark.bars
def test_networks_of_the_paper_attend_in_windows(tmp_path: Path) -> None:
    """Softmax over queries, white at 255, an upsampler and a mean: all of it in the graph."""
    torch.manual_seed(2)
    config = preset("released", scales=(2,), features=8, inner=4, plan="NL")
    checkpoint = Checkpoint(config=config, state=RNAN(config).state_dict())
    task = get_task("super-resolution")
    graph = OnnxRuntimeGraph(to_onnx(checkpoint, task, name="theirs", scale=2), CPU)
    info = info_of(graph.metadata, name="theirs")
    assert info.window == 24
    assert largest_difference(graph, info, checkpoint, task) < CLOSE


def test_the_same_picture_through_the_same_tiles(folder: Path) -> None:
    picture = photo(200, 260)
    given = {"tile": 96, "overlap": 32}
    seen: list[int] = []
    ours = load_restorer(folder / "narrow.safetensors", dtype="float32", **given)
    theirs = load_restorer(folder / "narrow.onnx", **given)
    restored = theirs(picture, level=25, progress=lambda done, total: seen.append(total))
    assert seen[-1] > 4
    apart = np.abs(restored.astype(int) - ours(picture, level=25).astype(int))
    assert apart.max() <= 1
    assert (apart > 0).mean() < 1e-3
    level = np.linspace(0, 50, picture[:, :, 0].size).reshape(picture.shape[:2])
    floats = picture.astype(np.float32) / 255
    assert np.abs(theirs(floats, level=level) - ours(floats, level=level)).max() < CLOSE


def test_on_the_command_line(folder: Path, tmp_path: Path) -> None:
    write(Picture(pixels=photo(60, 70)), tmp_path / "in.png")
    invoke("denoise", tmp_path / "in.png", "-o", tmp_path / "a.png", "--sigma", 20,
        "--model", folder / "narrow.onnx")  # fmt: skip
    invoke("denoise", tmp_path / "in.png", "-o", tmp_path / "b.png", "--sigma", 20,
        "--model", folder / "narrow.safetensors", "--dtype", "float32")  # fmt: skip
    apart = read(tmp_path / "a.png").pixels.astype(int) - read(tmp_path / "b.png").pixels
    assert np.abs(apart).max() <= 1


def test_an_engine_exports_by_itself_and_remembers(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    weights = folder / "narrow.safetensors"
    picture = photo(40, 50).astype(np.float32) / 255
    expected = load_restorer(weights, dtype="float32")(picture, level=25)
    first = load_restorer(weights, engine="onnx")(picture, level=25)
    assert np.abs(first - expected).max() < CLOSE
    (kept,) = (tmp_path / "rnan" / "exported").iterdir()
    monkeypatch.setattr("rnan.export.cache.to_onnx", lambda *_, **__: pytest.fail("made again"))
    for model in (weights, folder / "narrow.onnx"):  # as to another process
        sent = pickle.loads(pickle.dumps(load_restorer(model, engine="onnx")))
        assert np.abs(sent(picture, level=25) - expected).max() < CLOSE
    assert np.array_equal(load_restorer(weights, engine="onnx")(picture, level=25), first)
    content = kept.read_bytes()
    kept.write_bytes(content[:-100])  # cut short: made again
    whole = (folder / "narrow.onnx").read_bytes()
    monkeypatch.setattr("rnan.export.cache.to_onnx", lambda *_, **__: whole)
    assert np.array_equal(load_restorer(weights, engine="onnx")(picture, level=25), first)
    assert kept.read_bytes().startswith(whole)


@needs_openvino
def test_openvino(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    picture = photo(75, 100).astype(np.float32) / 255
    expected = load_restorer(folder / "narrow.safetensors", dtype="float32")(picture, level=25)
    restorer = load_restorer(folder / "narrow.onnx", engine="auto", dtype="float32")
    assert np.abs(restorer(picture, level=25) - expected).max() < CLOSE
    fast = load_restorer(folder / "narrow.onnx", engine="openvino", dtype="bfloat16")
    assert np.abs(fast(picture, level=25) - expected).max() < 0.05
    content = (folder / "narrow.onnx").read_bytes()
    graph = OpenVinoGraph(content, "float32")
    assert graph.metadata == OnnxRuntimeGraph(content, CPU).metadata


@pytest.mark.parametrize(
    ("fields", "given", "expected"),
    [
        ({}, {}, "openvino"),
        ({"window": None}, {}, "torch"),  # OpenVINO would attend in windows
        ({"window": None}, {"attention": "window"}, "openvino"),
        ({}, {"attention": "whole"}, "torch"),
        ({}, {"compile": True}, "torch"),
        ({}, {"dtype": "float16"}, "torch"),
        ({}, {"dtype": "float32"}, "mnn"),
    ],
)
def test_the_fastest_that_gives_the_same(
    fields: dict[str, object],
    given: dict[str, object],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = RestoreOptions(engine="auto", device="cpu", **given)  # type: ignore[arg-type]
    header = Header(config=preset("compact", **fields))
    weights = programs.Weights(model="denoise-color", header=header, task=get_task("denoise-color"))
    find_spec, openvino = importlib.util.find_spec, programs.PROGRAMS["openvino"]
    for lacking in ("nothing", "openvino", "onnxscript", "bfloat16"):
        here = replace(openvino, is_installed=lambda lacking=lacking: lacking != "openvino")
        monkeypatch.setitem(programs.PROGRAMS, "openvino", here)
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, package=None, lacking=lacking: (
                None if name == lacking else find_spec(name, package)
            ),
        )
        monkeypatch.setattr(
            programs, "processor_has_bfloat16", lambda lacking=lacking: lacking != "bfloat16"
        )
        name = choose._program_for(weights, options).name
        in_windows = fields.get("window", 24) or given.get("attention") == "window"
        exact = options.dtype == "float32" or (options.dtype == "auto" and lacking == "bfloat16")
        plain = given.get("attention") != "whole" and not options.compile
        other = "mnn" if in_windows and exact and plain else "torch"
        assert name == (expected if lacking == "nothing" else other)


@needs_openvino
def test_openvino_reports_nothing_to_its_makers() -> None:
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from rnan.runtimes.openvino import OpenVinoGraph\n"
        "try: OpenVinoGraph(b'', 'float32')\n"
        "except Exception: pass\n"
        "assert 'openvino' in sys.modules and sys.modules['openvino_telemetry'] is None\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_onnx_runtime_gives_its_memory_back(folder: Path) -> None:
    """Its arena never frees its first region, so a server would keep its largest block for ever."""
    graph = OnnxRuntimeGraph((folder / "narrow.onnx").read_bytes(), CPU)
    assert not graph._session.get_session_options().enable_cpu_mem_arena


def test_a_gpu_that_onnx_runtime_cannot_use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to itself it takes the processor; asked for it says so."""
    monkeypatch.setattr("rnan.engines.programs.device_name", lambda name: "cuda")
    _, engine = open_model(folder / "narrow.onnx", None, RestoreOptions())
    assert engine.device == CPU
    with pytest.raises(ConfigError, match="cannot use cuda"):
        open_model(folder / "narrow.onnx", None, RestoreOptions(device="cuda"))


@pytest.mark.bars
def test_sixteen_bits_are_half_the_size(folder: Path) -> None:
    checkpoint, task = narrow(features=64, inner=16), get_task("denoise-color")
    half = to_onnx(checkpoint, task, name="narrow", half=True)
    tensors = sum(tensor.numel() for tensor in checkpoint.state.values())
    assert 2 * tensors < len(half) < 3 * tensors
    graph = OnnxRuntimeGraph(half, CPU)
    info = info_of(graph.metadata, name="half")
    assert info.half
    assert largest_difference(graph, info, checkpoint, task) < 0.02
    assert graph(np.zeros((1, 3, 8, 8), np.float32), np.zeros((1, 1, 8, 8), np.float32)).dtype == (
        np.float32
    )


@pytest.mark.bars
def test_a_fixed_level_is_no_input(folder: Path) -> None:
    invoke("export", folder / "narrow.safetensors", "-o", folder / "fixed.onnx", "--level", 25)
    graph = OnnxRuntimeGraph((folder / "fixed.onnx").read_bytes(), CPU)
    assert [name for name, _ in graph.inputs] == ["input"]
    picture = photo(40, 50).astype(np.float32) / 255
    fixed = load_restorer(folder / "fixed.onnx")(picture)
    assert np.abs(fixed - load_restorer(folder / "narrow.onnx")(picture, level=25)).max() < CLOSE


def test_what_a_file_says_of_itself(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(folder / "narrow.onnx")
    assert model.producer_name == "rnan"
    assert {one.domain: one.version for one in model.opset_import}[""] == 20
    sizes = [
        [d.dim_param or d.dim_value for d in one.type.tensor_type.shape.dim]
        for one in (*model.graph.input, *model.graph.output)
    ]
    assert sizes == [
        ["batch", 3, "height", "width"],
        ["batch", 1, "height", "width"],
        ["batch", 3, "height", "width"],
    ]
    assert [one.name for one in model.graph.input] == ["input", "sigma"]
    said = {one.key: one.value for one in model.metadata_props}
    info = info_of(said, name="narrow")
    assert info.weights_sha256 == registry.sha256(folder / "narrow.safetensors")
    onnx.checker.check_model(model, full_check=True)


def test_memory_is_linear(folder: Path) -> None:
    """No tensor of the graph grows with the square of the picture's area."""
    graph = OnnxRuntimeGraph((folder / "narrow.onnx").read_bytes(), CPU)
    assert info_of(graph.metadata, name="").bytes_per_pixel == 4 * (25 * 8 + 3 * 8**2) // 4
    side = 1200  # N×N at half resolution would be 518 GB
    restored = graph(
        np.zeros((1, 3, side, side), np.float32), np.zeros((1, 1, side, side), np.float32)
    )
    assert restored.shape == (1, 3, side, side)


INOUT = ("P", "-o", "T/o.png", "--model")


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("export", "W", "-o", "T/x.pt"), ConfigError, "must be .onnx or .mnn or .dtmodel"),
        (("export", "W", "-o", "F/narrow.onnx"), InputError, "pass overwrite=True"),
        (("export", "W", "-o", "T/x.onnx", "--level", "200"), ConfigError, "between 0 and 75"),
        (("export", "W", "-o", "T/x.onnx", "--scale", "2"), ConfigError, "has no scale 2"),
        (("export", "super-resolution", "-o", "T/x.onnx"), ConfigError, "say --scale"),
        (("export", "dejpeg", "-o", "T/x.dtmodel"), ConfigError, "colour pictures"),
        (("export", "demosaic", "-o", "T/x.dtmodel"), ConfigError, "colour pictures"),
        (("export", "dejpeg-color", "-o", "T/x.dtmodel"), ConfigError, "fix it with level="),
        (("export", "nothing", "-o", "T/x.onnx"), WeightsError, "unknown model"),
        (("denoise", *INOUT, "T/no.onnx"), WeightsError, "cannot be read"),
        (("denoise", *INOUT, "T/bad.onnx"), WeightsError, "cannot load"),
        (("denoise", *INOUT, "M", "--engine", "torch"), ConfigError, "leave engine='torch' out"),
        (("denoise", *INOUT, "M", "--dtype", "bfloat16"), ConfigError, "rnan export --fp16"),
        (("denoise", *INOUT, "M", "--attention", "whole"), ConfigError, "in windows"),
        (("denoise", *INOUT, "M", "--compile"), ConfigError, "PyTorch"),
        (("dejpeg", *INOUT, "M"), ConfigError, "colour denoising"),
        (("evaluate", "denoise-color", "T/", "--model", "peer:T/no.onnx"), WeightsError, "exist"),
    ],
)
def test_bad_input_is_one_line(
    words: tuple[str, ...], error: type[RnanError], said: str, folder: Path, tmp_path: Path
) -> None:
    write(Picture(pixels=photo(20, 30)), tmp_path / "in.png")
    (tmp_path / "bad.onnx").write_bytes(b"no graph at all")
    names = {
        "W": folder / "narrow.safetensors",
        "M": folder / "narrow.onnx",
        "P": tmp_path / "in.png",
    }
    given = [
        names.get(word, word.replace("T/", f"{tmp_path}/").replace("F/", f"{folder}/"))
        for word in words
    ]
    with pytest.raises(error, match=said) as caught:
        invoke(*given)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x.onnx").exists()
    assert not (tmp_path / "o.png").exists()


@pytest.fixture(scope="module")
def denoise(tmp_path_factory: pytest.TempPathFactory) -> darktable.Model:
    """The bundled network for darktable and σ 15."""
    place = tmp_path_factory.mktemp("darktable")
    invoke("export", "denoise-color", "-o", place / "d.dtmodel", "--level", 15)
    return darktable.Model(darktable.install(place / "d.dtmodel", place / "models"))


class TestDarktable:
    """Read back as darktable reads it, see ``darktable.py``."""

    def test_the_manifest(self, denoise: darktable.Model) -> None:
        assert denoise.task == "denoise"
        assert denoise.config["num_inputs"] == 1
        assert denoise.sides == [992, 752, 512, 368, 224]
        assert denoise.side_for(4 * 2**30) == 752
        assert (
            denoise.config["model_card"]["license"]
            == (registry.card("denoise-color")["licence_note"])
        )
        assert sorted(file.name for file in denoise.folder.iterdir()) == [
            "config.json",
            "model.onnx",
        ]

    def test_the_same_picture_without_a_seam(self, denoise: darktable.Model) -> None:
        noisy = photo(250, 330).astype(np.float32) / 255
        noisy = np.clip(noisy + np.random.default_rng(0).normal(0, 15 / 255, noisy.shape), 0, 1)
        picture = noisy.astype(np.float32).transpose(2, 0, 1)
        found = denoise.restore(picture, side=224)
        other = denoise.restore(picture, side=368)
        # Wherever the tiles meet: the network sees farther than they overlap, but only just.
        assert np.abs(found - other).max() < 0.01 / 255
        # darktable mirrors at the border; so does this.
        rows = [darktable.mirror(i - 64, 250) for i in range(250 + 128)]
        columns = [darktable.mirror(i - 64, 330) for i in range(330 + 128)]
        around = torch.from_numpy(picture[:, rows][:, :, columns].copy())
        ours = load_restorer("denoise-color", dtype="float32")(around, level=15.0)
        ours = ours[:, 64:-64, 64:-64].numpy()
        assert np.abs(found - ours)[:, :-8, :-8].max() < 1 / 255

    def test_the_middle_is_rnans(self, denoise: darktable.Model) -> None:
        """Without any mirror: what ``rnan denoise`` gives, away from the border."""
        clean = photo(260, 330) / 255
        noisy = np.clip(clean + np.random.default_rng(0).normal(0, 15 / 255, clean.shape), 0, 1)
        picture = noisy.astype(np.float32).transpose(2, 0, 1)
        found = denoise.restore(picture, side=224)
        ours = load_restorer("denoise-color", dtype="float32")(
            torch.from_numpy(picture), level=15.0
        ).numpy()
        inside = np.abs(found - ours)[:, 64:-64, 64:-64]
        assert inside.max() < 1 / 255
        assert inside.mean() < 0.1 / 255

    @pytest.mark.bars
    def test_upscaling(self, tmp_path: Path) -> None:
        weights = narrow(scales=(2, 3, 4), unshuffle=1, level_channel=False)
        (tmp_path / "sr.safetensors").write_bytes(to_bytes(weights, dtype=torch.float32))
        invoke("export", tmp_path / "sr.safetensors", "-o", tmp_path / "sr.dtmodel")
        model = darktable.Model(darktable.install(tmp_path / "sr.dtmodel", tmp_path / "models"))
        assert model.task == "upscale"
        picture = photo(100, 120).astype(np.float32).transpose(2, 0, 1) / 255
        for scale in (2, 4):
            file = f"model_x{scale}.onnx"
            found = model.restore(picture, file=file, scale=scale, side=model.sides[-1])
            assert found.shape == (3, 100 * scale, 120 * scale)
            whole = model.restore(picture, file=file, scale=scale, side=model.sides[0])
            middle = slice(16 * scale, -16 * scale)
            assert np.abs(found - whole)[:, middle, middle].max() < 0.05

    @pytest.mark.bars
    def test_sigma_as_second_input(self, tmp_path: Path) -> None:
        (tmp_path / "n.safetensors").write_bytes(to_bytes(narrow(), dtype=torch.float32))
        invoke("export", tmp_path / "n.safetensors", "-o", tmp_path / "n.dtmodel")
        model = darktable.Model(darktable.install(tmp_path / "n.dtmodel", tmp_path / "models"))
        assert model.config["num_inputs"] == 2
        picture = photo(60, 70).astype(np.float32).transpose(2, 0, 1) / 255
        found = model.restore(picture, side=model.sides[-1])
        assert found.shape == picture.shape

    @pytest.mark.parametrize("what", sorted(OVERLAP))
    @pytest.mark.parametrize(("unshuffle", "window"), [(2, 24), (1, 24), (1, 48), (2, 9)])
    def test_tiles_fall_on_the_grid(self, what: str, unshuffle: int, window: int) -> None:
        grid = unshuffle * np.lcm(2, window)
        for side in input_sizes(what, unshuffle, window):
            assert (side - 2 * OVERLAP[what]) % grid == 0
            assert side > 2 * OVERLAP[what]

    @pytest.mark.bars
    def test_the_same_bytes_each_time(self) -> None:
        task = get_task("denoise-color")
        first, second = (to_darktable(narrow(), task, name="n", level=5.0) for _ in range(2))
        assert first == second


class TestPeers:
    def test_a_graph_of_others(self, tmp_path: Path) -> None:
        """It wants sides that are multiples of 8, and doubles them; found out by trying."""
        onnx = pytest.importorskip("onnx")
        helper = onnx.helper
        float32 = onnx.TensorProto.FLOAT
        nodes = [
            helper.make_node("SpaceToDepth", ["x"], ["a"], blocksize=8),
            helper.make_node("DepthToSpace", ["a"], ["b"], blocksize=8),
            helper.make_node("Resize", ["b", "", "scales"], ["y"], mode="nearest"),
        ]
        graph = helper.make_graph(
            nodes,
            "peer",
            [helper.make_tensor_value_info("x", float32, [1, 3, "h", "w"])],
            [helper.make_tensor_value_info("y", float32, None)],
            [helper.make_tensor("scales", float32, [4], [1.0, 1.0, 2.0, 2.0])],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        model.ir_version = 9
        onnx.save(model, tmp_path / "peer.onnx")
        engine = open_peer(tmp_path / "peer.onnx", CPU)
        assert (engine.scales, engine.channels, engine.takes_level) == ((2,), 3, False)
        assert engine.grid == 8
        picture = torch.rand(1, 3, 21, 43)
        expected = picture.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        assert np.array_equal(engine(picture.numpy(), None, 2), expected)
        with pytest.raises(WeightsError, match="not exported by rnan"):
            open_model(tmp_path / "peer.onnx", None, RestoreOptions())

    def test_measured_on_our_protocol(self, folder: Path, tmp_path: Path) -> None:
        for number in range(2):
            write(Picture(pixels=photo(72, 92, seed=number)), tmp_path / f"{number}.png")
        invoke("evaluate", "denoise-color", tmp_path, "--level", 25, "--dtype", "float32",
            "--model", folder / "narrow.onnx", "--model", f"peer:{folder / 'narrow.onnx'}",
            "--json", tmp_path / "r.json")  # fmt: skip
        found = json.loads((tmp_path / "r.json").read_text("utf-8"))
        values = {}
        for row in found["records"]:
            values.setdefault(row["metric"], []).append(row["value"])
        for ours, theirs in values.values():
            assert abs(ours - theirs) < 1e-3
        assert all(took > 0 for took in found["run"]["seconds_per_picture"].values())
        assert len(found["run"]["seconds_per_picture"]) == 2

    @pytest.mark.parametrize("shape", [[1, 3, 64, 64], [1, 4, "h", "w"], ["n", 10]])
    def test_what_is_no_picture_is_refused(self, shape: list[object], tmp_path: Path) -> None:
        onnx = pytest.importorskip("onnx")
        helper = onnx.helper
        info = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, shape) for n in "xy"]
        graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", info[:1], info[1:])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
        model.ir_version = 9
        onnx.save(model, tmp_path / "p.onnx")
        with pytest.raises(WeightsError, match="takes"):
            open_peer(tmp_path / "p.onnx", CPU)


def test_the_info_survives_its_text() -> None:
    info = GraphInfo(
        task="denoise-color", name="x", version="1", config=preset("compact"), window=24, scale=1
    )
    assert info_of({"rnan": info.to_text()}, name="x") == info
    with pytest.raises(WeightsError, match="another version"):
        info_of({"rnan": '{"task": 3}'}, name="x")
