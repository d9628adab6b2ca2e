"""Make a release: `make release VERSION=0.2.0`.

Checks that nothing is uncommitted, that the version is the next one and that the changelog says
what is new; writes the version where it stands (`src/rnan/__init__.py`, `CITATION.cff`,
`CHANGELOG.md`); builds the sdist and from it the wheel, checks both, commits and tags. Nothing is
uploaded: the last lines say how.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
INIT, CITATION, CHANGELOG = (
    Path("src/rnan/__init__.py"),
    Path("CITATION.cff"),
    Path("CHANGELOG.md"),
)

SEMANTIC = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:(a|b|rc)(\d+))?")
"""Major, minor, patch, and perhaps a pre-release, as PEP 440 spells them."""

UNRELEASED = re.compile(r"^## (\S+), not released$", re.MULTILINE)

_SDIST = ("src/rnan/py.typed", "tests/conftest.py", "recipes/denoise-color.yaml", "Makefile")
_WHEEL = ("rnan/py.typed", "rnan/server/page/index.html", "rnan/weights/denoise-color.safetensors")


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "version", nargs="?", help="for example 0.2.0 or 0.2.0rc1; none builds and checks only"
    )
    arguments = parser.parse_args()
    if arguments.version is None:
        build(ROOT, ROOT / "dist")
        return
    release(ROOT, arguments.version, datetime.datetime.now(datetime.UTC).date())


def release(root: Path, version: str, date: datetime.date) -> None:
    """Make the release in a checkout."""
    if run(root, "git", "status", "--porcelain").strip():
        sys.exit("there are uncommitted changes")
    before = current(root)
    if key(version) < key(before) or f"v{version}" in run(root, "git", "tag").split():
        sys.exit(f"{version} is not after {before}, or is tagged already")
    for file, text in written(root, version, date).items():
        (root / file).write_text(text, encoding="utf-8")
    build(root, root / "dist")
    run(root, "git", "add", *map(str, (INIT, CITATION, CHANGELOG)))
    run(root, "git", "commit", "-m", f"Release {version}")
    run(root, "git", "tag", "-a", f"v{version}", "-m", f"rnan {version}")
    print(f"tagged v{version}. To publish it:")
    print("  git push --follow-tags")
    print(f"  {sys.executable} -m twine upload dist/rnan-{version}*")


def key(version: str) -> tuple[int, int, int, str, int]:
    """What versions are ordered by; a pre-release comes before its release."""
    found = SEMANTIC.fullmatch(version)
    if found is None:
        sys.exit(f"{version} is no version: take MAJOR.MINOR.PATCH")
    major, minor, patch, stage, number = found.groups()
    return int(major), int(minor), int(patch), stage or "z", int(number or 0)


def current(root: Path) -> str:
    """The version of the checkout."""
    found = re.search(r'^__version__ = "(.+)"$', (root / INIT).read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def written(root: Path, version: str, date: datetime.date) -> dict[Path, str]:
    """The files that name the version, with the new one."""
    changes = (root / CHANGELOG).read_text("utf-8")
    if len(UNRELEASED.findall(changes)) != 1:
        sys.exit(f"{CHANGELOG} needs one section '## VERSION, not released'")
    init = (root / INIT).read_text("utf-8")
    citation = (root / CITATION).read_text("utf-8")
    citation = re.sub(r"^date-released: .*\n", "", citation, flags=re.MULTILINE)
    return {
        INIT: re.sub(r'^__version__ = ".+"$', f'__version__ = "{version}"', init, flags=re.M),
        CITATION: re.sub(
            r"^version: .+$", f"version: {version}\ndate-released: {date}", citation, flags=re.M
        ),
        CHANGELOG: UNRELEASED.sub(f"## {version}, {date}", changes),
    }


def build(root: Path, folder: Path) -> list[Path]:
    """Sdist, and from it the wheel; both checked."""
    for old in folder.glob("rnan-*"):
        old.unlink()
    run(root, sys.executable, "-m", "build", "--outdir", str(folder))
    files = sorted(folder.glob("rnan-*"))
    if len(files) != 2:
        sys.exit(f"expected an sdist and a wheel, got {files}")
    run(root, sys.executable, "-m", "twine", "check", "--strict", *map(str, files))
    wheel, sdist = sorted(files, key=lambda file: file.suffix, reverse=True)
    with zipfile.ZipFile(wheel) as archive:
        check(archive.namelist(), _WHEEL, wheel)
    with tarfile.open(sdist) as archive:
        check([name.partition("/")[2] for name in archive.getnames()], _SDIST, sdist)
    for file in files:
        print(f"{file.name}: {file.stat().st_size / 1e6:.1f} MB, checked")
    return files


def check(names: list[str], needed: tuple[str, ...], file: Path) -> None:
    """What must be inside, and what must not."""
    for name in needed:
        if name not in names:
            sys.exit(f"{file.name} lacks {name}")
    for name in names:
        if "__pycache__" in name or name.startswith((".git/", "runs/", ".venv/")):
            sys.exit(f"{file.name} holds {name}")


def run(root: Path, *command: str) -> str:
    """Run a command; its output."""
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
