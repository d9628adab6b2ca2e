"""Imports point one way, and the front door stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import rnan

PACKAGE = Path(rnan.__file__).parent

LAYERS = [
    {"errors"},
    {"options"},
    {"images", "models"},
    {"degradations"},
    {"estimation", "runtimes"},
    {"tasks", "weights"},
    {"export"},
    {"engines"},
    {"inference", "isolation"},
    {"pipeline", "evaluation"},
    {"api", "training"},
    {"bench", "integrations"},
    {"server", "cluster"},
    {"cli"},
]
"""From the ground up; a part may import parts of lower layers only."""

HEIGHT = {part: height for height, layer in enumerate(LAYERS) for part in layer}


def imports_of(path: Path) -> set[str]:
    """What a file imports from below ``rnan``, also late: modules, or names in modules."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            # One that begins with dots would pass all that is looked at below.
            assert not node.level, f"{path.name}: imports are written out, from rnan on"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name for name in names if name.split(".")[0] == "rnan"}
    return found


def part_of(module: str) -> str | None:
    words = module.split(".")
    return words[1] if len(words) > 1 and words[1] in HEIGHT else None


def backward_imports(files: list[Path], package: Path) -> list[str]:
    wrong = []
    for path in files:
        place = path.relative_to(package)
        part = place.parts[0].removesuffix(".py")
        if part in ("__init__", "__main__"):
            continue
        assert part in HEIGHT, f"{part} has no place in the order of imports"
        for module in imports_of(path):
            other = part_of(module)
            if other and other != part and HEIGHT[other] >= HEIGHT[part]:
                wrong.append(f"{place} imports {module}")
    return wrong


def test_imports_point_one_way() -> None:
    assert backward_imports(sorted(PACKAGE.rglob("*.py")), PACKAGE) == []


TORCH = (
    *("bench", "degradations/batched", "engines", "export", "integrations", "models", "training"),
    *("cli/convert.py", "evaluation/attention_maps.py", "inference/adapters.py"),
)
"""Where PyTorch is imported; pictures are numpy arrays everywhere else. The adapters do it for a
tensor that they are given."""


def test_torch_stays_where_networks_are() -> None:
    using = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and any(one.name == "torch" for one in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "torch")
    ]
    typing_only = {
        f"tasks/{kind}.py" for kind in ("task", "noise", "jpeg", "mosaic", "raw", "scale", "camera")
    }
    assert {path for path in using if not path.startswith(TORCH)} <= typing_only


def test_the_top_of_the_package_holds_the_front_door_alone() -> None:
    files = {path.name for path in PACKAGE.iterdir() if path.is_file()}
    assert files == {"__init__.py", "__main__.py", "api.py", "errors.py", "py.typed"}


def test_nothing_asks_for_the_kind_of_a_task() -> None:
    """What differs between kinds is a method or a field of the task."""
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "task.kind" not in text, path
        if path.parent.name != "tasks":
            assert "NoiseTask" not in text, path
            assert "MosaicTask" not in text, path


def test_an_arrow_back_is_seen(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    wrong = tmp_path / "models" / "wrong.py"
    wrong.write_text("def f():\n    from rnan.training import trainer\n")
    assert backward_imports([wrong], tmp_path) == ["models/wrong.py imports rnan.training.trainer"]


def test_relative_imports_are_seen(tmp_path: Path) -> None:
    for line in ("from . import up", "from ..training import trainer"):
        (tmp_path / "wrong.py").write_text(line)
        with pytest.raises(AssertionError, match="written out"):
            imports_of(tmp_path / "wrong.py")


def test_the_library_prints_nothing() -> None:
    """Standard output belongs to pictures and to what a command was asked for."""
    printing = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert printing == []


def in_order(package: Path) -> list[str]:
    """The modules of a package, each after those that it imports.

    Raises:
        CycleError: Some import each other.
    """
    files = {
        ".".join(path.relative_to(package.parent).with_suffix("").parts): path
        for path in package.rglob("*.py")
    }
    modules = {name.removesuffix(".__init__"): path for name, path in files.items()}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    del modules[package.name]  # the front door: what it offers it imports late
    for name, path in modules.items():
        for one in imports_of(path):
            module = one if one in modules else one.rpartition(".")[0]
            if module in modules:
                sorter.add(name, module)
    return list(sorter.static_order())


def test_no_file_imports_what_imports_it() -> None:
    assert "rnan.errors" in in_order(PACKAGE)


def test_a_circle_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "rnan"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "one.py").write_text("from rnan.two import b\n")
    (package / "two.py").write_text(
        "import typing\nif typing.TYPE_CHECKING:\n    from rnan.one import a\n"
    )
    with pytest.raises(CycleError):
        in_order(package)


@pytest.mark.parametrize("statement", ["import rnan", "import rnan.cli.main", "import rnan.errors"])
def test_light_imports_load_neither_torch_nor_numpy(statement: str) -> None:
    code = (
        f"{statement}; import sys; sys.exit(bool({{'torch', 'numpy', 'PIL'}} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pictures_and_weights_are_never_unpickled() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name == "released.py":  # reads the authors' files, tensors only
            assert "weights_only=True" in text
        elif path.name == "transfer.py":  # makes what is on its list: test_isolation.py
            assert "pickle.load" not in text
        else:
            assert "pickle" not in text, path
            assert "torch.load(" not in text, path
