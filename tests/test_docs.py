"""The documents say what the program does."""

from __future__ import annotations

import json
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
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_results_in_the_readme_are_those_that_were_measured() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "readme_results.py"), run_name="made")
    assert made["with_results"](README) == README


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
        name = cell["method"].removesuffix("+")
        if name in registry.bundled():
            seen.add(name)
            assert cell["weights"] == registry.card(name)["sha256"], cell["method"]
    assert seen == set(registry.bundled())


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
