"""The documents say what the program does."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import rnan
from rnan.cli.main import COMMANDS
from rnan.weights import registry

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "guide").glob("*.md")]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(PAGES)]
EXAMPLES = ROOT / "docs" / "examples"


def test_results_in_the_readme_are_those_that_were_measured() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "readme_results.py"), run_name="made")
    assert made["with_results"](README) == README


def test_speeds_are_those_that_were_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    made = runpy.run_path(str(ROOT / "scripts" / "bench_page.py"), run_name="made")
    page = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    assert made["with_tables"](page) == page


def test_results_are_of_the_bundled_weights() -> None:
    cells = json.loads((ROOT / "docs" / "results.json").read_text(encoding="utf-8"))["cells"]
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    seen = set()
    for text, measured in cells.items():
        cell = json.loads(text)
        for row in measured["records"]:
            assert (row["method"], row["level"]) == (cell["method"], cell["level"])
            if row["metric"] == "psnr":
                assert f"{row['value']:.2f}" in page
        name = cell["method"].removesuffix("+").removesuffix(":float32")
        if name in registry.bundled():
            seen.add(name)
            assert cell["weights"] == registry.card(name)["sha256"], cell["method"]
    # They have pages of their own: docs/raw.md, docs/real-noise.md.
    assert seen == set(registry.bundled()) - {"demosaic-raw", "denoise-camera"}


def test_figures_of_camera_raw_are_of_the_bundled_weights() -> None:
    measured = json.loads((ROOT / "docs" / "raw.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "raw.md").read_text(encoding="utf-8")
    for name, cell in measured["cells"].items():
        weights = name.split()[1].replace(":", "@").split("@")[0]
        if weights in registry.bundled():
            assert cell["weights"] == registry.card(weights)["sha256"], name
        for value in cell["psnr"].values():
            assert f"{value:.2f}" in page


def test_the_demo_runs() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo.py"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "PSNR after" in done.stdout


def test_python_examples_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / "python.py"))
    assert (tmp_path / "out.png").exists()


@pytest.mark.slow
def test_the_tour_can_be_walked(tmp_path: Path) -> None:
    """Every line, by a shell, with the rnan and the python of these tests."""
    (tmp_path / "make_picture.py").write_text((EXAMPLES / "make_picture.py").read_text())
    folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    script = f"set -e\n{(EXAMPLES / 'tour.sh').read_text()}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for name in ("denoised.png", "gentle.png", "repaired.png", "large.png", "colour.png"):
        assert (tmp_path / name).exists(), name


@pytest.mark.slow
def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="needs the extra docs")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", ROOT / "docs", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:  # readable without a network
        loaded = re.findall(
            r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?:[^\"]+)", page.read_text()
        )
        assert loaded == [], page


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_commands_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target
    for command in re.findall(r"^rnan (\w+)", text, flags=re.MULTILINE):
        assert command in COMMANDS, command
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for goal in re.findall(r"(?:^|`)make (\w+)", text, flags=re.MULTILINE):
        assert re.search(rf"^{goal}:", makefile, flags=re.MULTILINE), goal


def test_one_version_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == rnan.__version__
    assert rnan.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
