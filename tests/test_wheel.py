"""What people install: built, checked, put into an empty environment, and used."""

from __future__ import annotations

import datetime
import os
import runpy
import shutil
import subprocess
import venv
from pathlib import Path

import numpy as np
import pytest

from conftest import photo
from rnan.images import Picture, read, write

ROOT = Path(__file__).parent.parent


_MOST = 350 * 2**20
"""Bytes that a fresh environment takes, without pip itself."""


@pytest.mark.slow
def test_the_built_wheel_restores_a_picture(tmp_path: Path) -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "release.py"), run_name="made")
    files = made["build"](ROOT, tmp_path / "dist")  # the sdist, and from it the wheel
    (wheel,) = (file for file in files if file.suffix == ".whl")

    venv.create(tmp_path / "empty env", with_pip=True)
    python = tmp_path / "empty env" / "bin" / "python"
    installed = tmp_path / "empty env" / "lib"
    pip = size_of(installed)
    command = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", wheel]
    subprocess.run(command, check=True)
    assert size_of(installed) - pip < _MOST
    assert not [*installed.glob("python*/site-packages/torch")]
    assert wheel.stat().st_size < 60 * 2**20
    noisy = photo(100, 120) + np.random.default_rng(0).normal(0, 25, (100, 120, 3))
    write(Picture(pixels=np.clip(noisy, 0, 255).astype(np.uint8)), tmp_path / "in.png")
    command = [tmp_path / "empty env" / "bin" / "rnan", "denoise", "in.png", "-o", "out.png"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("out.png (sigma ")
    error = [
        float(np.abs(read(tmp_path / name).pixels.astype(float) - photo(100, 120)).mean())
        for name in ("in.png", "out.png")
    ]
    assert error[1] < error[0] / 2


def size_of(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(file.lstat().st_size for file in folder.rglob("*"))


def checkout(folder: Path) -> Path:
    """A repository with the files that name the version."""
    for name in ("src/rnan/__init__.py", "CITATION.cff", "CHANGELOG.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "all")):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    return folder


def test_a_release_is_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@example.org")
    made = runpy.run_path(str(ROOT / "scripts" / "release.py"), run_name="made")
    place = checkout(tmp_path / "a folder")
    release, day = made["release"], datetime.date(2030, 1, 2)
    release.__globals__["build"] = lambda *_: []  # the test above builds
    with pytest.raises(SystemExit, match="no version"):
        release(place, "next", day)
    with pytest.raises(SystemExit, match="is not after"):
        release(place, "0.0.9", day)
    release(place, "7.1.0", day)
    assert made["current"](place) == "7.1.0"
    assert "## 7.1.0, 2030-01-02" in (place / "CHANGELOG.md").read_text("utf-8")
    assert "version: 7.1.0\ndate-released: 2030-01-02" in (place / "CITATION.cff").read_text(
        "utf-8"
    )
    tags = subprocess.run(["git", "tag"], cwd=place, capture_output=True, text=True)
    assert tags.stdout.split() == ["v7.1.0"]
    with pytest.raises(SystemExit, match="not released"):  # nothing new is said
        release(place, "7.2.0", day)
    (place / "CITATION.cff").write_text("changed")
    with pytest.raises(SystemExit, match="uncommitted"):
        release(place, "7.2.0", day)


def test_versions_are_ordered() -> None:
    key = runpy.run_path(str(ROOT / "scripts" / "release.py"), run_name="made")["key"]
    versions = ["0.1.0", "0.9.0", "0.10.0a1", "0.10.0rc1", "0.10.0", "1.0.0"]
    assert sorted(versions, key=key) == versions
