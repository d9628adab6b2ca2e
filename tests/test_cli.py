"""The command line, run as a person runs it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import photo, rnan, small_weights
from rnan.cli.main import COMMANDS
from rnan.estimation import quality_of_table
from rnan.images import Picture, read, write
from rnan.models import RNAN, preset
from rnan.models.checkpoints import released_keys
from rnan.pipeline.manifest import NAME as MANIFEST
from rnan.weights import registry


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_weights(tmp_path_factory.mktemp("weights") / "small.safetensors")


def fails(code: int, message: str, *arguments: object) -> None:
    done = rnan(*arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a photo é.png"
    write(Picture(pixels=photo(40, 60)), path)
    return path


def test_help_names_every_command() -> None:
    done = rnan("--help")
    assert done.returncode == 0
    for name in COMMANDS:
        assert f"  {name} " in done.stdout
        assert "Example" in rnan(name, "--help").stdout


@pytest.mark.parametrize("command", ["auto", "denoise"])
@pytest.mark.parametrize(
    "words", ["--tile 3", "--strength 5", "--device nonsense", "--dtype float16 --engine openvino"]
)
def test_impossible_options_are_refused_of_clean_pictures_too(
    tmp_path: Path, picture: Path, command: str, words: str
) -> None:
    done = rnan(command, picture, "-o", tmp_path / "out.png", *words.split())
    assert done.returncode == 2, done.stderr


def test_version_is_for_bug_reports() -> None:
    done = rnan("--version")
    assert done.returncode == 0
    assert "torch 2." in done.stdout
    assert "denoise-color" in done.stdout


def test_one_file(tmp_path: Path, picture: Path, weights: Path) -> None:
    out = tmp_path / "new folder" / "out.png"
    done = rnan("denoise", picture, "-o", out, "--sigma", 10, "--model", weights, "--compare")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{out} (sigma 10.0 given, ")
    assert np.array_equal(read(out).pixels, read(picture).pixels)
    assert read(out.with_name("out-compare.png")).size == (40, 128)
    fails(1, "pass --overwrite", "denoise", picture, "-o", out, "--model", weights)
    again = rnan("denoise", picture, "-o", out, "--model", weights, "--overwrite")
    assert again.returncode == 0
    assert "estimated" in again.stdout


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_formats(tmp_path: Path, weights: Path, suffix: str, channels: int) -> None:
    source = tmp_path / f"in{suffix}"
    write(Picture(pixels=photo(33, 47, channels=channels)), source)
    done = rnan("denoise", source, "-o", tmp_path / "out", "--model", weights, "--sigma", 5)
    assert done.returncode == 0, done.stderr
    before, after = read(source), read(tmp_path / "out" / f"in{suffix}")
    assert after.pixels.shape == before.pixels.shape
    assert np.abs(after.pixels.astype(int) - before.pixels).max() <= (8 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_keeps_its_depth(tmp_path: Path, weights: Path, suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    write(Picture(pixels=pixels), tmp_path / f"in{suffix}")
    out = tmp_path / f"out{suffix}"
    done = rnan(
        *("denoise", tmp_path / f"in{suffix}", "-o", out, "--model", weights),
        *("--sigma", 5, "--dtype", "float32"),
    )
    assert done.returncode == 0, done.stderr
    assert np.array_equal(read(out).pixels, pixels)


def test_a_bad_file_does_not_stop_the_others(tmp_path: Path, weights: Path) -> None:
    folder = tmp_path / "in"
    write(Picture(pixels=photo(20, 20)), folder / "a.png")
    (folder / "b.png").write_bytes(b"no picture")
    write(Picture(pixels=photo(20, 20)), folder / "c.jpg")
    write(Picture(pixels=photo(20, 20)), folder / "deeper" / "d.png")
    (folder / "notes.txt").write_text("left alone")
    out = tmp_path / "out"
    done = rnan("denoise", folder, "-o", out, "--model", weights, "--sigma", 5)
    assert done.returncode == 3
    assert "b.png is not a picture" in done.stderr
    assert done.stderr.endswith("rnan: 1 of 3 pictures failed\n")
    assert sorted(path.name for path in out.iterdir()) == [MANIFEST, "a.png", "c.jpg"]

    deep = tmp_path / "deep"
    done = rnan("denoise", folder, "-o", deep, "--model", weights, "--sigma", 5, "--recursive")
    assert (deep / "deeper" / "d.png").exists()
    assert done.returncode == 3

    (folder / "a.png").write_bytes(b"")
    (folder / "c.jpg").write_bytes(b"")
    done = rnan("denoise", folder, "-o", tmp_path / "none", "--model", weights)
    assert done.returncode == 1
    assert done.stderr.endswith("rnan: 3 of 3 pictures failed\n")


def test_results_never_replace_inputs(tmp_path: Path, weights: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("x.png", "x.jpg", "sub/x.png", "two/x.png", "two/x-compare.png"):
        write(Picture(pixels=photo(16, 16)), tree / name)
    before = {path: path.read_bytes() for path in tree.rglob("*.*")}
    options = ("--model", weights, "--sigma", 5, "--overwrite", "--compare")
    # The folder of results is not searched for inputs.
    two = tree / "two" / "x.png", tree / "two" / "x-compare.png"
    assert rnan("denoise", *two, "-o", tmp_path / "o", *options).returncode == 0
    assert (tmp_path / "o" / "x-compare-2.png").exists()  # x-compare.png is a result
    before.pop(two[1])
    two[1].unlink()
    for _ in range(2):
        done = rnan("denoise", tree, "-o", tree / "results", "--recursive", *options)
        assert done.returncode == 0, done.stderr
    results = {path.relative_to(tree / "results") for path in (tree / "results").rglob("*.*")}
    assert len(results - {Path(MANIFEST)}) == 8
    assert Path("x.png-compare.png") in results
    assert Path("x.jpg-compare.png") in results
    message = "is an input and would be overwritten"
    fails(1, message, "denoise", tree / "x.png", tree / "sub/x.png", "-o", tree / "sub", *options)
    assert all(path.read_bytes() == content for path, content in before.items())


def test_quiet_and_closed_pipes(tmp_path: Path, weights: Path) -> None:
    for number in range(3):
        write(Picture(pixels=photo(16, 16)), tmp_path / "in" / f"{number}.png")
    command = ("denoise", tmp_path / "in", "--model", weights, "--sigma", 5)
    done = rnan(*command, "-o", tmp_path / "a", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    words = [sys.executable, "-m", "rnan", *map(str, command), "-o", str(tmp_path / "b")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert len(list((tmp_path / "b").glob("*.png"))) == 3


def test_bad_input_is_one_line(tmp_path: Path, picture: Path, weights: Path) -> None:
    out = tmp_path / "out.png"
    to = ("-o", out, "--model", weights)
    empty = tmp_path / "empty"
    empty.mkdir()
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(weights.read_bytes()[:500])

    fails(1, "does not exist", "denoise", tmp_path / "none.png", *to)
    fails(1, "holds no pictures", "denoise", empty, "-o", tmp_path / "x", "--model", weights)
    fails(1, "not a picture", "denoise", blocked, *to)
    fails(1, "cannot be written", "denoise", picture, "-o", blocked / "o.png", "--model", weights)
    fails(1, "ending must be one of", "denoise", picture, "-o", "o.xyz", "--model", weights)
    fails(
        1,
        "is an input and would be overwritten",
        "denoise",
        picture,
        "-o",
        picture,
        "--model",
        weights,
    )
    fails(2, "sigma must lie between 0 and 75", "denoise", picture, *to, "--sigma", 90)
    fails(2, "a number or auto", "denoise", picture, *to, "--sigma", "much")
    fails(2, "tile must be at least 32", "denoise", picture, *to, "--tile", 5)
    fails(2, "is no size", "denoise", picture, *to, "--max-memory", "lots")
    fails(2, "the path is empty", "denoise", "", "-o", out)
    fails(2, "is a file; several pictures need a folder", "denoise", picture, picture, *to)
    fails(2, "--threads must lie between", "denoise", picture, *to, "--threads", 100_000)
    fails(5, "a preset without weights", "denoise", picture, "-o", out, "--model", "paper")
    fails(2, "unknown device", "denoise", picture, *to, "--device", "abacus")
    fails(2, "Missing option", "denoise", picture)
    fails(2, "unknown command denose (did you mean denoise?)", "denose")
    fails(5, "is damaged", "denoise", picture, "-o", out, "--model", damaged)
    fails(5, "unknown model nothing", "denoise", picture, "-o", out, "--model", "nothing")
    assert not out.exists()
    said = rnan("denoise", picture, "-o", out.with_name("v.png"), "--model", weights, "-v")
    assert "TorchEngine on cpu" in said.stderr
    assert "60 x 40 pixels, tiles: 1" in said.stderr
    verbose = rnan("denoise", blocked, "-o", out, "--model", weights, "-vv")
    assert "Traceback" in verbose.stderr


def test_a_folder_that_cannot_be_written(tmp_path: Path, picture: Path, weights: Path) -> None:
    if os.geteuid() == 0:
        folder = Path("/proc/self")  # where not even root can write
    else:
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o500)
    fails(1, "cannot be written", "denoise", picture, "-o", folder / "o.png", "--model", weights)


def test_figures_of_each_picture(tmp_path: Path) -> None:
    folder = tmp_path / "set5"
    for number in range(3):
        write(Picture(pixels=photo(40, 50, seed=number)), folder / f"{number}.png")
    done = rnan(
        *("evaluate", "super-resolution", folder, "--model", "none", "--level", "x2,x4"),
        *("--per-picture", tmp_path / "each.csv", "--csv", tmp_path / "mean.csv"),
    )
    assert done.returncode == 0, done.stderr
    assert "Table" not in done.stdout  # three pictures are not Set5, whatever they are called
    with (tmp_path / "each.csv").open() as file:
        each = list(csv.DictReader(file))
    assert [(row["picture"], row["level"]) for row in each] == [
        (f"{number}", level) for number in range(3) for level in ("x2", "x4")
    ]
    with (tmp_path / "mean.csv").open() as file:
        mean = {(row["level"], row["metric"]): row["value"] for row in csv.DictReader(file)}
    for level in ("x2", "x4"):
        for metric in ("psnr", "ssim"):
            own = [float(row[metric]) for row in each if row["level"] == level]
            assert np.mean(own) == pytest.approx(float(mean[level, metric]), abs=1e-9)


def test_evaluate_writes_records(tmp_path: Path, weights: Path) -> None:
    folder = tmp_path / "Some Pictures"
    for number in range(2):
        write(Picture(pixels=photo(40, 50, seed=number)), folder / f"{number}.png")
    out = tmp_path / "result.json"
    done = rnan(
        *("evaluate", "denoise-color", folder, "--model", weights, "--level", "15,25"),
        *("--level", "50", "--json", out, "--assume", "auto"),
    )
    assert done.returncode == 0, done.stderr
    content = json.loads(out.read_text())
    assert [(row["level"], row["metric"]) for row in content["records"]] == [
        (level, metric) for level in ("15", "25", "50") for metric in ("psnr", "ssim")
    ]
    assert all(
        list(row)
        == ["table", "task", "training_data", "dataset", "level", "method", "metric", "value"]
        for row in content["records"]
    )
    assert content["records"][0]["dataset"] == "some pictures"
    assert content["records"][0]["method"] == f"{weights}@auto"
    assert content["run"]["seed"] == 0
    assert len(content["run"]["weights_sha256"]) == 64
    fails(1, "is not a folder", "evaluate", "denoise-color", tmp_path / "none", "--model", "none")
    write(Picture(pixels=photo(8, 40)), tmp_path / "small" / "a.png")
    small = ("evaluate", "denoise-color", tmp_path / "small", "--model", "none")
    fails(1, f"11 pixels, {tmp_path / 'small' / 'a.png'} has fewer", *small)
    fails(2, "'nan' is no level", "evaluate", "denoise-color", folder, "--level", "nan")
    fails(2, "between 0 and 75", "evaluate", "denoise-color", folder, "--assume", "99")
    fails(1, "is a folder", "evaluate", "denoise-color", folder, "--json", folder)
    kept = folder / "0.png"
    before = kept.read_bytes()
    for option in ("--json", "--csv", "--markdown"):
        fails(1, "ends as a picture", "evaluate", "denoise-color", folder, option, kept)
    fails(1, "ends as a picture", "bench", "--json", kept)
    assert kept.read_bytes() == before
    fails(1, "ends as a picture", "bench", "--json", tmp_path / "x.dng")
    (folder / "1.png").rename(folder / os.fsdecode(b"caf\xe9.png"))  # no UTF-8
    reports = [
        word for kind in ("json", "csv", "markdown") for word in (f"--{kind}", tmp_path / kind)
    ]
    done = rnan("evaluate", "denoise-color", folder, "--model", "none", "--level", "50", *reports)
    assert done.returncode == 0, done.stderr
    assert all((tmp_path / kind).exists() for kind in ("json", "csv", "markdown"))
    fails(2, "unknown task denoise", "evaluate", "denoise", folder, "--model", "none")


def test_models_are_described(weights: Path) -> None:
    listed = rnan("models", "list")
    assert "paper-small" in listed.stdout
    shown = rnan("models", "show", "paper")
    assert "7,447,427" in shown.stdout
    assert "receptive field" in shown.stdout
    assert "non-local (softmax over keys, windows of 8)" in rnan("models", "show", weights).stdout
    fails(5, "unknown model papr", "models", "show", "papr")


def test_bench_refuses_what_it_does_not_know() -> None:
    fails(2, "HEIGHTxWIDTH", "bench", "--size", "large")
    fails(2, "did you mean window?", "bench", "--preset", "paper:windw")
    fails(2, "unknown preset papr", "bench", "--preset", "papr")
    fails(2, "unknown engine tenso", "bench", "--preset", "paper:::tenso")


@pytest.mark.bars
def test_bench_prints_a_table(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    engines = ["--preset", "compact::float32", "--preset", "compact:::onnx"]
    given = ["--size", "24x32", "--runs", 1, "--reference", "--json", file]
    done = rnan("bench", *engines, *given)
    assert done.returncode == 0, done.stderr
    timings = json.loads(file.read_text())["timings"]
    assert len(timings) == 4
    assert timings[3]["name"] == "compact, float32, ONNX Runtime"
    for row in timings:
        assert row["seconds"] > 0
        assert f"| {row['name']} | {row['parameters']:,} | {row['seconds']:.3f} |" in done.stdout
    reference, plain, compact = timings[:3]  # then the same by another engine
    assert reference["over_reference"] == 1.0
    assert plain["over_plain"] == 1.0
    assert compact["over_reference"] == pytest.approx(reference["seconds"] / compact["seconds"])
    card = registry.card("denoise-color")
    kodak = next(
        row["value"]
        for row in card["metrics"]
        if (row["dataset"], row["level"], row["metric"]) == ("kodak24", "50", "psnr")
    )
    assert f"| {compact['seconds']:.3f} | {kodak:.2f} | " in done.stdout
    assert "| RNAN, published | 7,409,000 |" in done.stdout


def test_train_refuses_in_one_line(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("task: denoise-color\nbudget: {steps: 1}\ndata: {folders: [none]}\n")
    fails(1, "none is not a folder", "train", recipe, "-o", tmp_path / "run")
    fails(2, "did you mean seed?", "train", recipe, "sed=1", "-o", tmp_path / "run")


def test_degrade_makes_what_the_others_take(tmp_path: Path, picture: Path) -> None:
    for task, level, name in (
        ("denoise-color", "25", "noisy.png"),
        ("demosaic", "grbg", "mosaic.png"),
        ("dejpeg-color", "10", "bad.jpg"),
        ("super-resolution", "2", "small.png"),
    ):
        done = rnan("degrade", task, picture, "-o", tmp_path / name, "--level", level)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{tmp_path / name}\n"
    folder = tmp_path / "inputs"
    done = rnan("degrade", "denoise-gray", picture.parent, "-o", folder, "--level", 5, "--float")
    assert done.returncode == 0, done.stderr
    assert read(folder / f"{picture.stem}.tif").pixels.dtype == np.float32
    fails(2, "'x' is no level", "degrade", "denoise-gray", picture, "-o", folder, "--level", "x")
    fails(
        1,
        "--overwrite",
        "degrade",
        "demosaic",
        picture,
        "-o",
        tmp_path / "mosaic.png",
        "--level",
        "grbg",
    )


@pytest.mark.parametrize(
    ("command", "task", "level", "options"),
    [
        ("denoise", "denoise-gray", "25", []),
        ("dejpeg", "dejpeg-color", "20", ["--quality", "20"]),
        ("demosaic", "demosaic", "rggb", ["--pattern", "RGGB"]),
        ("upscale", "super-resolution", "x3", ["--scale", "3"]),
    ],
)
def test_every_task_restores_with_what_is_bundled(
    tmp_path: Path, picture: Path, command: str, task: str, level: str, options: list[str]
) -> None:
    lq, out = tmp_path / "lq.png", tmp_path / "out.png"
    assert rnan("degrade", task, picture, "-o", lq, "--level", level).returncode == 0
    done = rnan(command, lq, "-o", out, *options, "--compare")
    assert done.returncode == 0, done.stderr
    before, after = read(lq), read(out)
    assert after.is_gray == (task == "denoise-gray")
    scale = 3 if command == "upscale" else 1
    assert after.size == tuple(scale * side for side in before.size)
    assert (tmp_path / "out-compare.png").exists()


def test_restoring_commands_refuse_in_one_line(tmp_path: Path, picture: Path) -> None:
    out = tmp_path / "o.png"
    fails(2, "quality must lie between 1 and 100", "dejpeg", picture, "-o", out, "--quality", 0)
    fails(
        2,
        "sigma must lie between 0 and 15",
        "demosaic",
        picture,
        "-o",
        out,
        "--pattern",
        "grbg",
        "--sigma",
        99,
    )
    fails(1, "--pattern", "demosaic", picture, "-o", out)
    fails(2, "are two formats", "dejpeg", picture, "-o", out, "--format", "jpeg")
    fails(1, "no GRBG mosaic", "demosaic", picture, "-o", out, "--pattern", "grbg")
    fails(2, "--scale", "upscale", picture, "-o", out, "--scale", 7)
    fails(2, "is for colour denoising", "upscale", picture, "-o", out, "--model", "denoise-color")
    assert not out.exists()


def test_evaluate_compares_and_saves(tmp_path: Path) -> None:
    for number, name in enumerate("abcde"):
        write(Picture(pixels=photo(48, 52, seed=number)), tmp_path / "set5" / f"{name}.png")
    done = rnan(
        *("evaluate", "super-resolution", tmp_path / "set5", "--model", "none"),
        *("--model", "classical:bicubic", "--level", "2", "--save-images", tmp_path / "out"),
        *("--csv", tmp_path / "r.csv", "--markdown", tmp_path / "r.md"),
    )
    assert done.returncode == 0, done.stderr
    assert "| RNAN, Table 8" in done.stdout
    assert done.stdout == (tmp_path / "r.md").read_text()
    assert (tmp_path / "r.csv").read_text().startswith("table,task,training_data,dataset,level,")
    assert read(tmp_path / "out" / "classical-bicubic" / "x2" / "a.png").size == (48, 52)
    assert read(tmp_path / "out" / "input" / "x2" / "a.png").size == (24, 26)
    folder = tmp_path / "set5"
    twice = ("--model", "none", "--model", "none")
    fails(2, "names none twice", "evaluate", "super-resolution", folder, *twice)
    given = ("--model", "none", "--lq", tmp_path / "out" / "input" / "x2")
    fails(2, "inputs are of one level", "evaluate", "super-resolution", folder, *given)
    again = rnan("evaluate", "super-resolution", folder, *given, "--level", "x2")
    row, before = (text.splitlines()[4].split() for text in (again.stdout, done.stdout))
    assert row == before


def test_evaluate_warns_of_levels_it_was_not_trained_for(tmp_path: Path, weights: Path) -> None:
    write(Picture(pixels=photo(40, 50)), tmp_path / "in" / "a.png")
    done = rnan(
        *("evaluate", "denoise-color", tmp_path / "in", "--model", weights, "--level", "90"),
        *("--save-masks", tmp_path / "masks", "--pixel", "4,30"),
    )
    assert done.returncode == 0, done.stderr
    assert "was trained for sigma 0 to 75: at 90 it is given 75" in done.stderr
    (weights_shown,) = (tmp_path / "masks").rglob("weights-1-nonlocal.png")
    assert read(weights_shown).pixels[30, 4].tolist() == [32, 255, 32]


def test_figure(tmp_path: Path, picture: Path, weights: Path) -> None:
    out = tmp_path / "f.png"
    arguments = ("figure", "denoise-color", picture, "-o", out, "--model", weights)
    done = rnan(*arguments, "--level", 50, "--crop", "4,4,24,24")
    assert done.returncode == 0, done.stderr
    assert min(read(out).size) > 200
    fails(1, "--overwrite", *arguments)
    fails(2, "X,Y,W,H", *arguments, "--overwrite", "--crop", "4")
    fails(1, "does not lie inside", *arguments, "--overwrite", "--crop", "40,40,400,400")
    fails(2, "shows one --level", *arguments, "--overwrite", "--level", "10,20")


@pytest.fixture(scope="module")
def of_the_authors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow network in a file as the authors' program writes it: no level, no task."""
    torch.manual_seed(0)
    config = preset("released", plan="NN", features=8, inner=4)
    names = released_keys(config)
    state = {names[key]: 0.01 * value for key, value in RNAN(config).state_dict().items()}
    path = tmp_path_factory.mktemp("authors") / "RNAN.pt"
    torch.save(state, path)
    return path


def test_checkpoints_of_the_authors(tmp_path: Path, picture: Path, of_the_authors: Path) -> None:
    out = tmp_path / "o.png"
    done = rnan("denoise", picture, "-o", out, "--model", of_the_authors)
    assert done.returncode == 0, done.stderr
    assert "(no sigma needed, " in done.stdout
    folder = tmp_path / "in"
    write(Picture(pixels=photo(40, 40)), folder / "a.png")
    arguments = ("evaluate", "denoise-color", folder, "--model", of_the_authors, "--level", 10)
    assert "RNAN.pt" in rnan(*arguments).stdout
    for task, message in (
        ("super-resolution", "does not enlarge: it is not for super-resolution"),
        ("denoise-gray", "takes 3 and gives 3 channels, denoise-gray needs 1"),
    ):
        fails(5, message, "evaluate", task, folder, "--model", of_the_authors)


def test_degrade_goes_on_after_a_bad_file(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write(Picture(pixels=photo(400, 500)), folder / "b.png")
    (folder / "a.png").write_bytes(b"no picture")
    done = rnan("degrade", "denoise-color", folder, "-o", out, "--level", 25)
    assert done.returncode == 3
    assert "1 done, 0 skipped, 1 failed; 0.2 megapixels in" in done.stderr
    assert done.stderr.endswith("rnan: 1 of 2 pictures failed\n")
    assert [path.name for path in out.iterdir()] == ["b.png"]
    source = folder / "b.png"
    jpeg = ("degrade", "denoise-color", source, "-o", tmp_path / "o.jfif", "--level", 25)
    fails(2, "its own damage", *jpeg)
    real = tmp_path / "o.jpe"
    assert rnan("degrade", "dejpeg-color", source, "-o", real, "--level", 10).returncode == 0
    assert quality_of_table(read(real).metadata.jpeg_table) == 10


def test_figures_and_levels_that_cannot_be(tmp_path: Path, picture: Path) -> None:
    own = ("figure", "denoise-color", picture, "--model", "none", "--overwrite")
    fails(1, "is the picture itself", *own, "-o", picture)
    fails(1, "a figure ends in", *own, "-o", tmp_path / "f.jpg")
    evaluate = ("evaluate", "denoise-color", picture.parent, "--model", "none")
    fails(2, "between 0 and 1000", *evaluate, "--level", "1e200")
    fails(2, "has no scale 8", "evaluate", "super-resolution", picture.parent, "--level", "x4,x8")


def test_bench_of_training(tmp_path: Path) -> None:
    for number in range(3):
        write(Picture(pixels=photo(64, 72, seed=number)), tmp_path / f"{number}.png")
    recipe = Path(__file__).parent.parent / "recipes" / "dejpeg.yaml"
    narrow = ["model.fields={features: 8, inner: 4}", "init_from=null"]
    small = [f"data.folders=[{tmp_path}]", "data.patch_size=32", "data.batch_size=2"]
    done = rnan("bench", "train", recipe, *narrow, *small, "--turns", 1)
    assert done.returncode == 0, done.stderr
    assert "convolution peak" in done.stdout
    row = [cell.strip() for cell in done.stdout.splitlines()[-1].strip("|").split("|")]
    assert row[0] == "dejpeg"
    patches, megapixels = float(row[1]), float(row[2])
    assert megapixels == pytest.approx(patches * 32**2 / 1e6, abs=0.006)
    assert 0 < float(row[5].rstrip(" %")) < 100


def test_prepared_pictures_train(tmp_path: Path) -> None:
    for number in range(3):
        write(Picture(pixels=photo(40, 44, seed=number)), tmp_path / "in" / f"{number}.png")
    done = rnan("data", "prepare", tmp_path / "in", "-o", tmp_path / "out", "--plane", "gray")
    assert done.returncode == 0, done.stderr
    recipe = Path(__file__).parent.parent / "recipes" / "denoise-gray.yaml"
    settings = ["data.folders=[]", f"data.prepared={tmp_path / 'out'}", "init_from=null"]
    settings += ["model.fields={features: 8, inner: 4}", "data.patch_size=16", "budget={steps: 2}"]
    done = rnan("train", recipe, "-o", tmp_path / "run", *settings)
    assert done.returncode == 0, done.stderr
    assert "validation, level 50" in done.stdout
    fails(2, "name a folder or an archive", "data", "prepare", "-o", tmp_path / "out")
    fails(2, "-o is missing", "train", recipe, *settings)
