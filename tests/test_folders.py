"""Folders and long work: mirrored, resumed, side by side, reported, interrupted."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from conftest import photo, rnan
from rnan.errors import ConfigError, InputError
from rnan.images import EXTENSIONS, Picture, decode, read, write
from rnan.images.endings import RAW_EXTENSIONS
from rnan.pipeline import files as module
from rnan.pipeline.manifest import NAME, Manifest
from rnan.pipeline.plan import Plan, plan_files


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "my album"
    for index, name in enumerate(("a.png", "b.jpg", "deep/er/c.png", "deep/d 🙂 'x'.png")):
        write(Picture(pixels=photo(24, 32, seed=index)), folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def outputs(folder: Path) -> dict[str, float]:
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != NAME
    }


def test_resume_does_what_is_missing_or_changed(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    again = ("denoise", album, "-o", out, "--recursive", "--sigma", "5", "--resume")
    first = rnan(*again)
    assert first.returncode == 0, first.stderr
    assert "4 done, 0 skipped, 0 failed" in first.stderr
    made = outputs(out)
    assert set(made) == {"a.png", "b.jpg", "deep/er/c.png", "deep/d 🙂 'x'.png"}
    second = rnan(*again)
    assert (second.returncode, outputs(out)) == (0, made)
    assert "0 done, 4 skipped" in second.stderr
    (out / "a.png").unlink()  # missing
    (out / "b.jpg").write_bytes(b"half of a pic")  # changed: not ours any more
    write(
        Picture(pixels=photo(24, 32, seed=9)), album / "deep/er/c.png", overwrite=True
    )  # new input
    third = rnan(*again)
    assert third.returncode == 3, third.stderr
    assert "2 done, 1 skipped, 1 failed" in third.stderr
    assert "b.jpg exists; pass --overwrite" in third.stderr
    other = rnan(*again[:-2], "7", "--resume")  # another level
    assert "3 done, 0 skipped, 1 failed" in other.stderr
    assert "1 done" in rnan(*again[:-2], "7", "--resume", "--overwrite").stderr


def test_a_manifest_that_was_cut_off(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    again = ("denoise", album, "-o", out, "--sigma", "5", "--resume")
    rnan(*again)
    manifest = out / NAME
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join([*lines[:-1], lines[-1][: len(lines[-1]) // 2]]))
    done = rnan(*again)
    assert "1 done, 1 skipped, 0 failed" in done.stderr


def test_side_by_side_gives_the_same_files(album: Path, tmp_path: Path) -> None:
    for jobs in (1, 3):
        done = rnan(
            "denoise",
            album,
            "-o",
            tmp_path / str(jobs),
            "--recursive",
            "--sigma",
            9,
            "--jobs",
            jobs,
        )
        assert done.returncode == 0, done.stderr
    for name in outputs(tmp_path / "1"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_bad_file_stops_nothing_unless_asked(album: Path, tmp_path: Path, jobs: int) -> None:
    (album / "aa.png").write_bytes(b"rubbish")
    out, report = tmp_path / "out", tmp_path / "report.json"
    options = ("--sigma", "5", "--report", report, "--jobs", jobs)
    done = rnan("denoise", album, "-o", out, *options)
    assert done.returncode == 3
    assert "1 of 3 pictures failed" in done.stderr
    content = json.loads(report.read_text())
    assert (content["done"], content["failed"], content["pictures"]) == (2, 1, 3)
    (failed,) = [one for one in content["outcomes"] if one["status"] == "failed"]
    assert failed["source"].endswith("aa.png")
    assert "not a picture" in failed["said"]
    picture = album / "b.jpg"
    before = picture.read_bytes()
    over = ("--sigma", "5", "--overwrite", "--report", picture)
    refused = rnan("denoise", album, "-o", tmp_path / "other", *over)
    assert refused.returncode == 1
    assert "ends as a picture" in refused.stderr
    raw = picture.rename(album / "b.data")
    refused = rnan("denoise", raw, "-o", tmp_path / "other", "--sigma", "5", "--report", raw)
    assert refused.returncode == 1
    assert "is one of the pictures" in refused.stderr
    assert raw.rename(picture).read_bytes() == before
    fast = rnan("denoise", album, "-o", tmp_path / "fast", "--sigma", "5", "--fail-fast")
    assert fast.returncode == 3
    assert not (tmp_path / "fast" / "b.jpg").exists()


def test_patterns_that_no_shell_expanded(album: Path, tmp_path: Path) -> None:
    found = rnan("denoise", f"{album}/**/*.png", "-o", tmp_path / "out", "--sigma", "5")
    assert found.returncode == 0, found.stderr
    assert len(outputs(tmp_path / "out")) == 3
    within = ("denoise", f"{album}/**/*.png", "-o", album / "clean", "--sigma", "5", "--resume")
    assert rnan(*within).returncode == 0
    again = rnan(*within)
    assert (again.returncode, "3 skipped" in again.stderr) == (0, True)
    nothing = rnan("denoise", f"{album}/*.webp", "-o", tmp_path / "no", "--sigma", "5")
    assert (nothing.returncode, "nothing matches" in nothing.stderr) == (1, True)


def test_names_formats_and_dry_run(album: Path, tmp_path: Path) -> None:
    jobs = plan_files([album], tmp_path / "out", name="{stem}_clean{ext}", ending=".webp")
    assert [job.target.name for job in jobs] == ["a_clean.webp", "b_clean.webp"]
    for bad in ("{stem}/x{ext}", "{size}", "x{", "{stem.x}", "{stem[a]}"):
        with pytest.raises(ConfigError, match="name="):
            plan_files([album], tmp_path / "out", name=bad)
    said = rnan("denoise", album, "-o", tmp_path / "dry", "--format", "tiff", "--dry-run")
    assert said.stdout.count(".tif\n") == 2
    assert not (tmp_path / "dry").exists()
    written = ("denoise", album, "-o", tmp_path / "t", "--format", "tiff", "--bit-depth", "16")
    done = rnan(*written)
    assert done.returncode == 0, done.stderr
    assert rnan(*written, "--resume", "--dry-run").stdout == ""
    (tmp_path / "t" / "b.tif").unlink()
    assert rnan(*written, "--resume", "--dry-run").stdout.count(" -> ") == 1
    assert read(tmp_path / "t" / "a.tif").pixels.dtype == np.uint16


def test_results_of_formats_that_are_only_read() -> None:
    folder = Path("out")
    assert plan_files([Path(__file__)], folder)[0].target == folder / "test_folders.png"


def test_standard_input_and_output(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    write(Picture(pixels=photo(24, 32)), source)
    command = [sys.executable, "-m", "rnan", "denoise", "-", "-o", "-", "--sigma", "5"]
    piped = subprocess.run(command, input=source.read_bytes(), capture_output=True)
    assert piped.returncode == 0, piped.stderr
    rnan("denoise", source, "-o", tmp_path / "b.png", "--sigma", "5")
    assert np.array_equal(decode(piped.stdout).pixels, read(tmp_path / "b.png").pixels)
    tiff = subprocess.run(
        [*command, "--format", "tiff"], input=source.read_bytes(), capture_output=True
    )
    assert decode(tiff.stdout).metadata.format == "TIFF"
    empty = subprocess.run(command, input=b"", capture_output=True)
    assert (empty.returncode, empty.stdout) == (1, b"")
    assert b"standard input is empty" in empty.stderr
    with pytest.raises(ConfigError, match="alone"):
        plan_files([source, Path("-")], tmp_path / "out")
    with pytest.raises(ConfigError, match="needs a file"):
        plan_files([Path("-")], tmp_path)


def test_resume_needs_a_folder(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    write(Picture(pixels=photo(24, 32)), source)
    done = rnan("denoise", source, "-o", tmp_path / "b.png", "--resume")
    assert (done.returncode, "--resume needs an output folder" in done.stderr) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted_work_leaves_whole_files_and_goes_on(tmp_path: Path, jobs: int) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for index in range(12):
        write(Picture(pixels=photo(200, 280, seed=index)), folder / f"{index:02}.png")
    command = [sys.executable, "-m", "rnan", "denoise", str(folder), "-o", str(out)]
    command += ["--sigma", "9", "--jobs", str(jobs), "--tile", "128", "--resume"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    limit = time.monotonic() + 120
    while time.monotonic() < limit and len(list(out.glob("*.png"))) < 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert b"interrupted" in errors
    assert b"Traceback" not in errors
    whole = sorted(out.glob("*.png"))
    assert 2 <= len(whole) < 12
    for path in whole:
        read(path)
    assert {path.name for path in out.iterdir()} - {path.name for path in whole} <= {NAME}
    rest = rnan(*command[3:])
    assert rest.returncode == 0, rest.stderr
    counts = re.search(r"(\d+) done, (\d+) skipped, 0 failed", rest.stderr)
    assert counts is not None, rest.stderr
    done, skipped = map(int, counts.groups())
    # Each worker may have been stopped after it wrote a file and before it said so.
    assert done + skipped == 12
    assert len(whole) - jobs <= skipped <= len(whole)


def test_an_output_that_was_not_recorded_is_ours(tmp_path: Path) -> None:
    """As a machine that goes down leaves it; what others put there stays."""
    source, out = tmp_path / "a.png", tmp_path / "out"
    write(Picture(pixels=photo(24, 32)), source)
    job = plan_files([source], out)[0]
    manifest = Manifest(out, {})
    manifest.begin(job)
    job.target.write_bytes(b"whole")
    again = Manifest(out, {})
    assert (again.foreign(job), again.is_complete(job)) == (None, False)
    theirs = plan_files([source], out, name="theirs{ext}")[0]
    theirs.target.write_bytes(b"theirs")
    again.begin(theirs)
    assert again.foreign(theirs) == theirs.target


def test_what_failed_leaves_no_claim(tmp_path: Path) -> None:
    source, out = tmp_path / "a.png", tmp_path / "out"
    source.write_bytes(b"damaged")
    again = ("denoise", source, "-o", out, "--sigma", "5", "--resume")
    assert rnan(*again).returncode == 1
    (out / "a.png").write_bytes(b"mine")
    write(Picture(pixels=photo(24, 32)), source, overwrite=True)
    refused = rnan(*again)
    assert (refused.returncode, "exists; pass --overwrite" in refused.stderr) == (1, True)
    assert (out / "a.png").read_bytes() == b"mine"


def test_a_failure_does_not_disown_what_was_there(tmp_path: Path) -> None:
    source, out = tmp_path / "a.png", tmp_path / "out"
    write(Picture(pixels=photo(24, 32)), source)
    job = plan_files([source], out)[0]
    manifest = Manifest(out, {})
    manifest.begin(job)
    job.target.write_bytes(b"whole")
    manifest.add(job)
    for settings in ({}, {"other": 1}):
        again = Manifest(out, settings)
        again.begin(job)
        again.withdraw(job)
        assert (again.foreign(job), again.is_complete(job)) == (None, not settings)
    job.target.write_bytes(b"theirs")
    assert Manifest(out, {}).foreign(job) == job.target


def test_comparisons_are_resumed_too(tmp_path: Path) -> None:
    source, out = tmp_path / "in" / "a.png", tmp_path / "out"
    write(Picture(pixels=photo(24, 32)), source)
    comparison = out / "a-compare.png"
    again = ("denoise", source.parent, "-o", out, "--resume", "--sigma")
    assert rnan(*again, "5", "--compare").returncode == 0
    first = comparison.read_bytes()
    assert rnan(*again, "30").returncode == 0
    assert rnan(*again, "30", "--compare").returncode == 0
    second = comparison.read_bytes()
    assert second != first
    assert rnan(*again, "30", "--compare").returncode == 0
    comparison.write_bytes(b"mine")
    refused = rnan(*again, "7", "--compare")
    assert "a-compare.png exists; pass --overwrite" in refused.stderr
    assert comparison.read_bytes() == b"mine"


def test_one_unsuitable_picture_stops_no_folder(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write(Picture(pixels=photo(24, 32)), folder / "a.png")
    write(Picture(pixels=photo(24, 32, channels=1)), folder / "b.png")
    (folder / "c.png").symlink_to("nowhere.png")
    done = rnan("denoise", folder, "-o", out, "--model", "denoise-gray", "--sigma", "5")
    assert done.returncode == 3
    assert "a.png: denoise-gray is for gray pictures" in done.stderr
    assert "c.png is a link to nothing" in done.stderr
    assert set(outputs(out)) == {"b.png"}


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    folder, out, report = tmp_path / "in", tmp_path / "out", tmp_path / "report.json"
    write(Picture(pixels=photo(24, 32)), folder / os.fsdecode(b"a\xff.png"))
    write(Picture(pixels=photo(24, 32)), folder / "b.png")
    # As under the locale of most desktops.
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    command = [sys.executable, "-m", "rnan", "denoise", folder, "-o", out, "--sigma", "5"]
    done = subprocess.run([*command, "--report", report], env=strict, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"a\xff.png" in done.stdout
    assert len(list(out.glob("*.png"))) == 2
    assert json.loads(report.read_text())["outcomes"][0]["source"].endswith("a\udcff.png")


def locked(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A folder that nobody may open, whoever runs the tests."""
    scandir = os.scandir

    def refusing(path: object) -> object:
        if str(path) == str(folder):  # where others look into folders it may be a descriptor
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)


def test_a_folder_that_cannot_be_read_counts_as_failed(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked(monkeypatch, album / "deep")
    out, report = tmp_path / "out", tmp_path / "report.json"
    done = rnan("denoise", album, "-o", out, "--sigma", 5, "--recursive", "--report", report)
    assert done.returncode == 3
    assert f"{album / 'deep'} cannot be read: Permission denied" in done.stderr
    outcomes = json.loads(report.read_text())["outcomes"]
    assert [one["status"] for one in outcomes].count("failed") == 1
    assert (
        len([path for path in out.iterdir() if path.name != NAME])
        == sum(one["status"] == "done" for one in outcomes)
        > 0
    )


def test_a_folder_of_its_own_that_cannot_be_read(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    write(Picture(pixels=photo(24, 32)), other / "z.png")
    locked(monkeypatch, other)
    done = rnan("denoise", album, other, "-o", tmp_path / "out", "--sigma", 5)
    assert done.returncode == 3
    assert "other cannot be read" in done.stderr


@pytest.mark.parametrize(
    "error", [OSError(errno.ESTALE, os.strerror(errno.ESTALE)), RuntimeError("odd"), KeyError("x")]
)
def test_nothing_about_one_picture_stops_the_others(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A network disk's file that is stale, a decoder's error of any class."""
    files = sorted(path.name for path in album.glob("*.png"))
    read = module.read

    def failing(path: Path, options: object, **more: object) -> Picture:
        if path.name == files[0]:
            raise error
        return read(path, options, **more)

    monkeypatch.setattr(module, "read", failing)
    out, report = tmp_path / "out", tmp_path / "report.json"
    done = rnan("denoise", album, "-o", out, "--sigma", 5, "--report", report)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    outcomes = {Path(one["source"]).name: one for one in json.loads(report.read_text())["outcomes"]}
    assert outcomes[files[0]]["status"] == "failed"
    assert str(album / files[0]) in outcomes[files[0]]["said"]
    assert all(outcomes[name]["status"] == "done" for name in files[1:])


def test_names_that_are_too_long_for_the_target(album: Path, tmp_path: Path) -> None:
    write(Picture(pixels=photo(24, 32)), album / f"{'n' * 248}.png")
    done = rnan(
        "denoise", album, "-o", tmp_path / "out", "--sigma", 5, "--name", "{stem}-restored{ext}"
    )
    assert done.returncode == 3
    assert "name too long" in done.stderr.lower()
    assert len(list((tmp_path / "out").glob("*.png"))) == len(list(album.glob("*.png"))) - 1


def test_a_missing_input_among_others(album: Path, tmp_path: Path) -> None:
    done = rnan("denoise", album, tmp_path / "gone.png", "-o", tmp_path / "out", "--sigma", 5)
    assert done.returncode == 3
    assert "gone.png does not exist" in done.stderr


def test_rights_that_cannot_be_set_cost_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, "not here")

    monkeypatch.setattr(Path, "chmod", refused)
    write(Picture(pixels=photo(24, 32)), tmp_path / "a.png")
    assert read(tmp_path / "a.png").size == (24, 32)


def test_linked_folders_are_searched_once(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    write(Picture(pixels=photo(24, 32)), folder / "a.png")
    write(Picture(pixels=photo(24, 32)), elsewhere / "b.png")
    (folder / "linked").symlink_to(elsewhere)
    (folder / "loop").symlink_to(folder)
    (folder / "again").symlink_to(elsewhere)
    (elsewhere / "up").symlink_to(folder)
    done = rnan("denoise", folder, "-o", tmp_path / "out", "--sigma", 5, "--recursive")
    assert done.returncode == 0, done.stderr
    written = sorted(
        path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.png")
    )
    assert written == [Path("a.png"), Path("again/b.png")]
    assert "linked folders that are searched already: 3" in done.stderr


def test_other_pictures_of_a_folder_are_said(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(Picture(pixels=photo(24, 32)), folder / "a.png")
    for name in ("b.gif", "c.GIF", "d.ppm", "notes.txt"):
        (folder / name).write_bytes(b"x")
    done = rnan("denoise", folder, "-o", tmp_path / "out", "--sigma", 5)
    assert done.returncode == 0
    assert "pictures that are taken only by name (.gif, .ppm): 3" in done.stderr


def test_two_pictures_of_one_name_keep_their_endings(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("a.png", "a.jpg", "b.jpg"):
        write(Picture(pixels=photo(24, 32)), folder / name)
    out = tmp_path / "out"
    done = rnan("denoise", folder, "-o", out, "--sigma", 5, "--format", "png")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in out.glob("*.png"))
    assert names == ["a-jpg.png", "a-png.png", "b.png"]
    other = tmp_path / "other"
    write(Picture(pixels=photo(24, 32)), other / "a.png")
    with pytest.raises(ConfigError, match="both be written"):
        plan_files([folder / "a.png", other / "a.png"], out)


def test_names_that_are_still_one_are_numbered(tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.jpg", "a.JPG", "b.png", "b.jpg", "b-png.png"):
        write(Picture(pixels=photo(24, 32)), folder / name)
    done = rnan("denoise", folder, "-o", out, "--sigma", 5, "--format", "png")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in out.glob("*.png"))
    assert names == ["a-jpg-2.png", "a-jpg.png", "b-jpg.png", "b-png-2.png", "b-png.png"]
    write(Picture(pixels=photo(24, 32)), tmp_path / "c" / "a.png")
    write(Picture(pixels=photo(24, 32)), tmp_path / "c" / "a-compare.png")
    done = rnan("denoise", tmp_path / "c", "-o", tmp_path / "d", "--sigma", 5, "--compare")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "d" / "a-compare-2.png").exists()


def test_raws_and_what_cameras_write_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("IMG_1.DNG", "IMG_1.JPG", "img_1.heic", "IMG_1.CR2", "IMG_2.JPG"):
        (folder / name).write_bytes(b"x")
    done = rnan("demosaic", folder, "-o", tmp_path / "out", "--dry-run")
    assert done.returncode == 0, done.stderr
    targets = [line.split(" -> ")[1].rpartition("/")[2] for line in done.stdout.splitlines()]
    assert targets == ["IMG_1-cr2.tif", "IMG_1-dng.tif", "IMG_2.JPG"]
    assert "JPEGs of a camera: 2" in done.stderr


@pytest.mark.parametrize("ending", [".hif", ".rwl", ".x3f", ".fff", ".srf", ".mos", ".kdc"])
def test_endings_of_all_makers(ending: str) -> None:
    assert ending in (*EXTENSIONS, *RAW_EXTENSIONS)


def test_times_of_inputs_may_be_kept(tmp_path: Path) -> None:
    source, kept, new = (tmp_path / name for name in ("a.png", "b.png", "c.png"))
    write(Picture(pixels=photo(24, 32)), source)
    os.utime(source, (1_000_000_000, 1_000_000_000))
    assert rnan("denoise", source, "-o", kept, "--sigma", 5, "--keep-times").returncode == 0
    assert rnan("denoise", source, "-o", new, "--sigma", 5).returncode == 0
    assert kept.stat().st_mtime == 1_000_000_000
    assert new.stat().st_mtime > 1_000_000_000


def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.png"
    write(Picture(pixels=photo(24, 32)), source)
    monkeypatch.setattr("rnan.pipeline.files.read", None)
    done = rnan("denoise", source, "-o", source / "b.png")
    assert (done.returncode, "a.png is a file" in done.stderr) == (1, True)
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    done = rnan("denoise", source, "-o", tmp_path / "new" / "b.png")
    assert (done.returncode, "is not yours to write in" in done.stderr) == (1, True)


def test_closed_streams(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rnan", "denoise", "-", "-o", str(tmp_path / "x.png")]
    closed = f"{shlex.join([*command, '--sigma', '5'])} <&-"
    done = subprocess.run(closed, shell=True, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "rnan: standard input is closed\n")


def test_an_output_is_never_an_input(album: Path) -> None:
    with pytest.raises(InputError, match="would be overwritten"):
        plan_files([album], album)


def test_comparisons_are_part_of_a_job() -> None:
    job = Plan(Path("a.png"), Path("out/a.png"), Path("out/a-compare.png"))
    assert job.outputs == [Path("out/a.png"), Path("out/a-compare.png")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "locked"
    out.mkdir(mode=0o500)
    done = rnan("denoise", album, "-o", out, "--sigma", "5")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_an_input_that_changes_while_it_is_restored_is_done_again(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    read, changing = module.read, [album / "a.png"]

    def then_changed(path: Path, options: object, **more: object) -> Picture:
        picture = read(path, options, **more)
        if path in changing:
            changing.remove(path)
            write(Picture(pixels=photo(24, 32, seed=7)), path, overwrite=True)
        return picture

    monkeypatch.setattr(module, "read", then_changed)
    again = ("denoise", album, "-o", out, "--sigma", "5", "--resume")
    assert "2 done" in rnan(*again).stderr
    before = (out / "a.png").read_bytes()
    assert "1 done, 1 skipped" in rnan(*again).stderr
    assert (out / "a.png").read_bytes() != before
    assert "0 done, 2 skipped" in rnan(*again).stderr


def test_an_input_that_vanishes_is_named(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = module.read

    def then_gone(path: Path, options: object, **more: object) -> Picture:
        if path.name == "a.png":
            (album / "b.jpg").unlink()
        return read(path, options, **more)

    monkeypatch.setattr(module, "read", then_gone)
    done = rnan("denoise", album, "-o", tmp_path / "out", "--sigma", "5")
    assert done.returncode == 3
    assert "b.jpg does not exist" in done.stderr
    assert [path.name for path in (tmp_path / "out").glob("*.*") if path.name != NAME] == ["a.png"]


def test_a_clock_that_goes_back_changes_nothing(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    again = ("denoise", album, "-o", out, "--sigma", "5", "--resume")
    rnan(*again)
    for path in (*album.iterdir(), *out.iterdir()):
        os.utime(path, (10**9, 10**9))
    assert "0 done, 2 skipped" in rnan(*again).stderr


def test_a_disk_that_fills_loses_nothing(tmp_path: Path) -> None:
    """What did not fit is named; once there is room, the rest is done."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode != 0:
        pytest.skip("cannot make a small disk here")
    pictures = tmp_path / "pictures"
    for number in range(8):
        noise = np.random.default_rng(number).integers(0, 256, (48, 64, 3), np.uint8)
        write(Picture(pixels=noise), pictures / f"{number}.png")
    out, kept = tmp_path / "out", tmp_path / "kept"
    words = [sys.executable, "-m", "rnan", "denoise", str(pictures), "--sigma", "5", "--resume"]
    subprocess.run([*words, "-o", str(tmp_path / "right")], check=True, capture_output=True)
    script = """
mkdir "$OUT"; mount -t tmpfs -o size=40k tmpfs "$OUT"
"$@" > /dev/null; echo "first $?"; ls -A "$OUT" | grep -c '^[.].*[.]png'
mount -o remount,size=4m "$OUT"
"$@" > /dev/null; echo "second $?"
cp -r "$OUT" "$KEPT"
"""
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script, "bash", *words, "-o", str(out)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OUT": str(out), "KEPT": str(kept)},
    )
    assert re.fullmatch("first [34] 0 second 0 ", done.stdout.replace("\n", " ")), done.stdout
    assert "no space left" in done.stderr
    for path in pictures.iterdir():
        assert (kept / path.name).read_bytes() == (tmp_path / "right" / path.name).read_bytes()
