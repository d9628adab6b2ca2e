"""Weights that are known: bundled with the package, or in files."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from rnan.errors import WeightsError
from rnan.models import PRESETS
from rnan.models.checkpoints import Checkpoint, from_bytes
from rnan.models.released import released_from_bytes
from rnan.settings import nearest

_SUFFIX = ".safetensors"


def bundled() -> list[str]:
    """Names of the weights inside the package."""
    folder = resources.files("rnan.weights")
    return sorted(
        entry.name.removesuffix(_SUFFIX)
        for entry in folder.iterdir()
        if entry.name.endswith(_SUFFIX)
    )


def card(name: str) -> dict[str, Any]:
    """The model card of bundled weights.

    Raises:
        WeightsError: There are no bundled weights of that name.
    """
    _check_bundled(name)
    text = resources.files("rnan.weights").joinpath(f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def load(name: str | Path) -> Checkpoint:
    """Bundled weights by name, or a weights file by path.

    Raises:
        WeightsError: They are missing, damaged or no weights of this program.
    """
    text = str(name)
    if text in bundled():
        return _load_bundled(text)
    path = Path(name)
    if not path.exists():
        if path.suffix or "/" in text:
            raise WeightsError(f"weights {path} do not exist")
        _check_bundled(text)
    if path.suffix.lower() == ".onnx":
        raise WeightsError(f"{path} is an exported network; its weights are needed here")
    data = content(path)
    # A safetensors file starts with a length and the brace of its header.
    return (from_bytes if data[8:9] == b"{" else released_from_bytes)(data, name=str(path))


def content(path: Path) -> bytes:
    """A file of weights.

    Raises:
        WeightsError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"weights {path} cannot be read: {error.strerror}") from error


def sha256(name: str | Path) -> str:
    """Hash of weights, by name or path.

    Raises:
        WeightsError: They cannot be read.
    """
    if str(name) in bundled():
        return str(card(str(name))["sha256"])
    return hashlib.sha256(content(Path(name))).hexdigest()


@lru_cache(maxsize=4)
def _load_bundled(name: str) -> Checkpoint:
    data = resources.files("rnan.weights").joinpath(name + _SUFFIX).read_bytes()
    if hashlib.sha256(data).hexdigest() != card(name)["sha256"]:
        raise WeightsError(f"the bundled weights {name} are damaged; install rnan again")
    return from_bytes(data, name=name)


def _check_bundled(name: str) -> None:
    if name in PRESETS:
        raise WeightsError(f"{name} is a preset without weights; train it, or pass a weights file")
    if name not in bundled():
        raise WeightsError(
            f"unknown model {name}{nearest(name, bundled())}; known are "
            f"{', '.join(bundled()) or 'none'}, or pass a file"
        )
