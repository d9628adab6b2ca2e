"""Every hostile or odd file ends in one clear line or a right picture, never in anything else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from conftest import photo, restorer
from hostile import REFUSED, RIGHT, corpus, encoded
from rnan.errors import InputError, RnanError
from rnan.images import Picture, decode, read
from rnan.images.write import encode

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "AVIF", "BMP")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    return corpus(tmp_path_factory.mktemp("hostile"))


def test_there_are_enough(files: dict[str, tuple[Path, str]]) -> None:
    assert len(files) >= 40
    assert sum(expected == RIGHT for _, expected in files.values()) >= 15


def test_each_is_a_right_picture_or_one_line(files: dict[str, tuple[Path, str]]) -> None:
    network = restorer()
    wrong = []
    for name, (path, expected) in files.items():
        try:
            picture = read(path)
        except InputError as error:
            if expected != REFUSED or "\n" in str(error) or len(str(error)) > 400:
                wrong.append(f"{name}: {error}")
            continue
        if expected != RIGHT:
            wrong.append(f"{name}: was read")
            continue
        restored = network(picture, level=5)  # a network that does nothing
        same = np.allclose(restored.pixels, picture.pixels, rtol=0, atol=1e-6)
        if picture.alpha is None and not same:
            wrong.append(f"{name}: came back as another picture")
    assert wrong == []


def test_a_folder_of_them_through_the_command_line(
    files: dict[str, tuple[Path, str]], tmp_path: Path
) -> None:
    folder = next(iter(files.values()))[0].parent
    out, report = tmp_path / "out", tmp_path / "report.json"
    command = [sys.executable, "-m", "rnan", "denoise", str(folder), "-o", str(out)]
    done = subprocess.run(
        [*command, "--sigma", "3", "--report", str(report), "--name", "{stem}-{ext}.png"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    outcomes = json.loads(report.read_text())["outcomes"]
    for outcome in outcomes:
        expected = files[Path(outcome["source"]).name][1]
        assert outcome["status"] == ("done" if expected == RIGHT else "failed"), outcome
        assert outcome["said"]
    written = [path for path in out.iterdir() if not path.name.startswith(".")]
    assert len(written) == sum(outcome["status"] == "done" for outcome in outcomes)
    for path in written:
        read(path)  # whole
    assert not [
        path for path in out.iterdir() if path.name.startswith(".") and "manifest" not in path.name
    ]


def decoded(content: bytes) -> Picture | None:
    """The picture, or none where one line says why not."""
    try:
        return decode(content, name="x")
    except RnanError as error:
        if "\n" in str(error):
            raise AssertionError("more than one line") from error
        return None


@pytest.mark.parametrize("file_format", FORMATS)
def test_truncated_anywhere(file_format: str) -> None:
    whole = encoded(file_format)
    for length in range(1, len(whole), max(1, len(whole) // 60)):
        picture = decoded(whole[:length])
        assert picture is None or picture.size == (48, 40)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.binary(max_size=400), head=st.sampled_from([encoded(name) for name in FORMATS]))
def test_random_bytes_and_damaged_files(data: bytes, head: bytes) -> None:
    for attempt in (data, head[:40] + data, head[: len(head) // 2] + data + head[len(head) // 2 :]):
        decoded(attempt)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_any_shape_and_depth_comes_back(data: st.DataObject) -> None:
    """A network that does nothing gives back every picture; lossless formats too."""
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    channels = data.draw(st.sampled_from([1, 3]))
    kind = data.draw(st.sampled_from([np.uint8, np.uint16, np.float32]))
    elements = st.floats(0, 1, width=32) if kind == np.float32 else None
    pixels = data.draw(arrays(kind, (height, width, channels), elements=elements))
    alpha = None
    if data.draw(st.booleans()):
        alpha = np.full((height, width), 1.0 if kind == np.float32 else np.iinfo(kind).max, kind)
    picture = Picture(pixels=pixels, alpha=alpha)
    restored = restorer()(picture, level=5)
    assert restored.pixels.dtype == kind
    if kind == np.float32:
        np.testing.assert_allclose(restored.pixels, pixels, atol=1e-6)
    else:
        assert np.array_equal(restored.pixels, pixels)
    file_format = "TIFF" if kind == np.float32 else data.draw(st.sampled_from(["PNG", "TIFF"]))
    back = decode(encode(picture, file_format))
    assert np.array_equal(back.pixels, pixels)
    assert (back.alpha is None) == (alpha is None)


def test_a_picture_of_one_pixel_through_every_format() -> None:
    for file_format in FORMATS:
        assert decode(encode(Picture(pixels=photo(1, 1)), file_format)).size == (1, 1)
