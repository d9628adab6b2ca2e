"""Pictures prepared once: the same as from the folder, whatever interrupted the work."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import photo
from rnan.errors import ConfigError, InputError, ResourceError
from rnan.images import Picture, write
from rnan.tasks import get_task
from rnan.training import prepared as module
from rnan.training.cache import Pictures, load_pictures, open_pictures
from rnan.training.prepared import damaged, open_prepared, prepare
from rnan.training.sources import open_archive, open_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(24):
        channels = 1 if number == 20 else 3
        pixels = photo(40 + number, 50, seed=number, channels=channels)
        write(Picture(pixels=pixels), tmp_path / "pictures" / f"{number:02}.png")
    return tmp_path / "pictures"


def from_folder(folder: Path, **changes: object) -> Pictures:
    arguments = {"patch_size": 24, "halved": True, "memory": "device", **changes}
    return load_pictures(
        [open_folder(folder)],
        task=get_task("denoise-color"),
        scale=1,
        device=torch.device("cpu"),
        folder=folder / "cache",
        **arguments,  # type: ignore[arg-type]
    )


def test_prepared_pictures_are_those_of_the_folder(folder: Path, tmp_path: Path) -> None:
    prepare([open_folder(folder)], tmp_path / "out", plane="rgb", halved=True)
    for halved in (True, False):
        there = open_pictures(
            tmp_path / "out", task=get_task("denoise-color"), side=24, halved=halved
        )
        here = from_folder(folder, halved=halved)
        assert there.training.sha256 == here.training.sha256
        assert [one.name for one in there.validation] == ["00", "20"]
        for a, b in zip(there.validation, here.validation, strict=True):
            assert a.name == b.name
            assert np.array_equal(a.gt, b.gt)
        assert there.validation[1].gt.shape[2] == 1  # gray stays gray where it is measured


def test_interrupted_work_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepare([open_folder(folder)], tmp_path / "whole", plane="gray", halved=True)
    real = module._append
    calls = 0

    def full(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 12:
            arguments[0].write(b"half a picture")  # type: ignore[attr-defined]
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_append", full)
    with pytest.raises(ResourceError, match="goes on where it stopped"):
        prepare([open_folder(folder)], tmp_path / "out", plane="gray", halved=True)
    monkeypatch.setattr(module, "_append", real)
    with pytest.raises(ConfigError, match="holds no prepared pictures, or not all"):
        open_prepared(tmp_path / "out", plane="gray", halved=True)
    seen: list[int] = []
    again = prepare(
        [open_folder(folder)],
        tmp_path / "out",
        plane="gray",
        halved=True,
        progress=lambda done, total: seen.append(done),
    )
    assert seen[0] == 6  # five files were whole
    assert seen[-1] == 24
    assert again.training == whole.training
    assert not damaged(tmp_path / "out")
    files = [(tmp_path / name / "training.pixels").read_bytes() for name in ("whole", "out")]
    assert files[0] == files[1]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_archives(folder: Path, tmp_path: Path, ending: str) -> None:
    archive = tmp_path / f"set.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(archive, "w") as out:
            for file in sorted(folder.iterdir()):
                out.write(file, f"inner/{file.name}")
            out.writestr("inner/readme.txt", "no picture")
    else:
        with tarfile.open(archive, "w:gz") as out:
            out.add(folder, "inner")
    command = [sys.executable, "-m", "rnan", "data", "prepare", str(archive), "--verify"]
    for _ in range(2):  # once more is no work and no contradiction
        done = subprocess.run([*command, "-o", str(tmp_path / "out")], capture_output=True)
        assert done.returncode == 0, done.stderr
        assert b"22 pictures to train on, 2 for validation" in done.stdout
        assert b"every picture is as it was written" in done.stdout
    assert not (tmp_path / "out" / ".rnan-unpacked").exists()
    pictures = open_pictures(tmp_path / "out", task=get_task("demosaic"), side=24, halved=False)
    assert pictures.training.sha256 == from_folder(folder, halved=False).training.sha256


def test_archives_of_one_name(folder: Path, tmp_path: Path) -> None:
    files = sorted(folder.iterdir())
    for part, some in (("a", files[:3]), ("b", files[3:6])):
        (tmp_path / part).mkdir()
        with zipfile.ZipFile(tmp_path / part / "set.zip", "w") as out:
            for file in some:
                out.write(file, file.name)
    opened = [open_archive(tmp_path / part / "set.zip", tmp_path / "unpacked") for part in "ab"]
    names = [file.name for source in opened for file in (*source.training, *source.validation)]
    assert sorted(names) == [file.name for file in files[:6]]


def test_what_is_no_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "damaged.zip", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("x.png", b"a picture" * 1000)
    content = bytearray((tmp_path / "damaged.zip").read_bytes())
    content[40:50] = bytes(10)
    (tmp_path / "damaged.zip").write_bytes(content)
    with pytest.raises(InputError, match="cannot be unpacked"):
        open_archive(tmp_path / "damaged.zip", tmp_path / "unpacked")
    for name in ("x.zip", "x.tar"):
        (tmp_path / name).write_bytes(b"nothing of the kind" * 100)
        with pytest.raises(InputError, match="cannot be unpacked"):
            open_archive(tmp_path / name, tmp_path / "unpacked")
    with tarfile.open(tmp_path / "evil.tar", "w") as out:
        out.add(__file__, "../../outside.png")
    with pytest.raises(InputError, match="cannot be unpacked"):
        open_archive(tmp_path / "evil.tar", tmp_path / "unpacked")
    assert not list(tmp_path.rglob("outside.png"))


def test_what_cannot_be_opened(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare([open_folder(folder)], out, plane="gray")
    with pytest.raises(ConfigError, match="prepared for gray, not for rgb"):
        open_prepared(out, plane="rgb", halved=False)
    with pytest.raises(ConfigError, match="prepared without --halved"):
        open_prepared(out, plane="gray", halved=True)
    with pytest.raises(ConfigError, match="holds other prepared pictures"):
        prepare([open_folder(folder)], out, plane="gray", halved=True)
    content = (out / "training.pixels").read_bytes()
    (out / "training.pixels").write_bytes(b"\1" + content[1:])
    assert damaged(out) == ["01.png"]
    (out / "training.pixels").write_bytes(content[:-1])
    with pytest.raises(ConfigError, match="cut short"):
        open_prepared(out, plane="gray", halved=False)
    index = json.loads((out / "index.json").read_text())
    (out / "index.json").write_text(json.dumps({**index, "version": 2}))
    with pytest.raises(ConfigError, match="by another version"):
        open_prepared(out, plane="gray", halved=False)
