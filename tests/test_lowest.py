"""The lowest versions that pyproject.toml allows do what the newest do."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

TESTED = (
    *("images", "metadata", "heic", "colours", "raw", "linear_dng", "odd_files", "hostile"),
    *("restorer", "weights", "checkpoints", "folders", "cli", "inspect", "isolation", "xmp"),
)
"""Quick tests of what the core's packages do, by the names of their files."""

WITH = (
    "torch",
    "pytest",
    "pytest-xdist",
    "hypothesis",
    "pillow-heif",
    "scikit-image",
    "PyWavelets",
)
"""What these tests take beside the core."""


def lowest() -> list[str]:
    """The core's packages, each at its lower bound."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [requirement.replace(">=", "==") for requirement in project["dependencies"]]


def test_every_package_has_a_lower_bound() -> None:
    assert len(lowest()) > 10
    assert all("==" in requirement and "," not in requirement for requirement in lowest())


@pytest.mark.slow
def test_quick_tests_at_the_lower_bounds(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraints = ["--constraint", ROOT / "constraints.txt"]
    subprocess.run([*pip, *constraints, *lowest(), *WITH], check=True)
    subprocess.run([*pip, "--no-deps", ROOT], check=True)
    tests = [f"tests/test_{name}.py" for name in TESTED]
    environment = {name: value for name, value in os.environ.items() if name != "RNAN_DATA"}
    how = ["-q", "-m", "not slow", "-n", "2", "--dist", "loadscope", "-p", "no:cacheprovider"]
    leaving_out = ["-k", "not test_figure"]  # of matplotlib, which is no part of the core
    done = subprocess.run(
        [python, "-m", "pytest", *how, *leaving_out, *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-4000:]
