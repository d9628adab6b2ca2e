"""The Dockerfile, as far as a machine without a container engine can try it.

What is run: that its steps copy what is there; the command it ends with, as its user, on a root
that cannot be written. What is not: the images it starts from, and its downloads (`make check`
takes those of the install step from this machine's package index).
"""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest

from conftest import photo
from rnan.images import Picture, decode
from rnan.images.write import encode

ROOT = Path(__file__).parent.parent


def instructions() -> list[tuple[str, str]]:
    """Instruction and the rest of its line, continued lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return [(name, rest) for name, rest in pairs]


def all_of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def is_sent(path: str) -> bool:
    """Whether ``.dockerignore`` lets it through; the last rule that matches counts."""
    sent = True
    for rule in (ROOT / ".dockerignore").read_text("utf-8").split():
        if fnmatch.fnmatch(path, rule.lstrip("!")):
            sent = rule.startswith("!")
    return sent


def test_it_copies_what_is_there() -> None:
    known = {"FROM", "ARG", "WORKDIR", "COPY", "RUN", "USER", "ENV", "EXPOSE"}
    known |= {"HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {name for name, _ in instructions()} <= known
    for rest in all_of("COPY"):
        if rest.startswith("--from"):
            continue
        *sources, _ = rest.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert is_sent(source), source
    assert not is_sent(".git")
    assert not is_sent("tests")


def test_it_runs_as_an_ordinary_user() -> None:
    names = [name for name, _ in instructions()]
    (user,) = all_of("USER")
    assert int(user) > 1000
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert not [rest for name, rest in instructions()[names.index("USER") :] if name == "RUN"]
    (entry,) = all_of("ENTRYPOINT")
    (command,) = all_of("CMD")
    assert json.loads(entry) == ["rnan"]
    assert json.loads(command)[0] == "serve"


def test_its_extras_are_known() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (install,) = [rest for rest in all_of("RUN") if "pip install" in rest]
    extras = install.split(".[")[1].split("]")[0].split(",")
    assert set(extras) <= set(project["optional-dependencies"])
    assert "constraints.txt" in install


def as_user(command: list[str], folder: Path) -> list[str]:
    """The command as the Dockerfile's user, on a root that cannot be written but for ``folder``."""
    (user,) = all_of("USER")
    script = (
        "mount --make-rprivate / && mount -o remount,ro,bind / && "
        f"mount -t tmpfs tmpfs '{folder}' && chmod 1777 '{folder}' && "
        f'exec setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs "$@"'
    )
    return ["unshare", "--mount", "sh", "-c", script, "sh", *command]


@pytest.fixture
def jail(tmp_path: Path) -> Path:
    """The folder that takes the place of ``/tmp``; skips where there can be none."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root, to change the root file system's rights for one process")
    place = tmp_path / "tmp"
    place.mkdir()
    python = Path(sys.executable).resolve()  # the server starts it anew, as that user
    for parent in [*place.parents, *python.parents]:
        if parent.owner() == "root" and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    done = subprocess.run(
        as_user(["sh", "-c", "! touch /x 2>/dev/null && touch $0/y", str(place)], place),
        capture_output=True,
    )
    if done.returncode:
        pytest.skip("this machine allows no file systems of one's own")
    return place


@contextmanager
def serving(python: str, place: Path) -> Iterator[str]:
    """What the container runs, on a free port; its address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    (command,) = all_of("CMD")
    words = [python, "-m", "rnan", *json.loads(command), "--port", str(port)]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "TMPDIR": str(place),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process = subprocess.Popen(
        as_user(words, place), env=environment, stderr=subprocess.PIPE, cwd="/"
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert b"Traceback" not in said, said.decode()


def serves_a_picture(python: str, place: Path) -> None:
    picture = photo(40, 50)
    with serving(python, place) as address, httpx.Client(base_url=address, timeout=60) as client:
        until_there(client)
        assert client.get("/healthz").status_code == 200
        assert "<html" in client.get("/").text
        answer = client.post(
            "/api/v1/restore",
            files={"picture": ("p.png", encode(Picture(pixels=picture), "PNG"))},
            data={"task": "denoise", "sigma": "20"},
        )
    restored = decode(answer.raise_for_status().content).pixels
    assert restored.shape == picture.shape
    assert not np.array_equal(restored, picture)


def until_there(client: httpx.Client, seconds: float = 90) -> None:
    """Wait for a server that was just started."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            client.get("/healthz")
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


@pytest.mark.slow
def test_it_serves_from_a_root_that_cannot_be_written(jail: Path) -> None:
    serves_a_picture(sys.executable, jail)


@pytest.mark.bars
def test_its_install_step(jail: Path, tmp_path: Path) -> None:
    """In a folder of its own instead of ``/opt``, from the index of this machine."""
    place = tmp_path / "opt"
    source = tmp_path / "src"
    source.mkdir()
    for rest in all_of("COPY"):
        if not rest.startswith("--from"):
            *names, _ = rest.split()
            for name in names:
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
                copy(ROOT / name, source / name)  # type: ignore[operator]
    index = os.environ.get("TORCH_INDEX") or "https://pypi.org/simple"
    for step in all_of("RUN"):
        if step.startswith("useradd"):
            continue
        step = step.replace("/opt/rnan", str(place)).replace(
            "https://download.pytorch.org/whl/${TORCH}", index
        )
        words = step if not step.startswith("python ") else f"{sys.executable} {step[7:]}"
        subprocess.run(words, shell=True, cwd=source, check=True, capture_output=True)
    serves_a_picture(str(place / "bin" / "python"), jail)
