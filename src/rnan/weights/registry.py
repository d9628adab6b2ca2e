"""Weights that are known by name: bundled, in a checkout of the source, installed; or in files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_data_path

from rnan.errors import MissingExtraError, WeightsError
from rnan.models import PRESETS
from rnan.models.header import Header, header_of
from rnan.options.mapping import nearest

if TYPE_CHECKING:
    from rnan.models.checkpoints import Checkpoint

SUFFIX = ".safetensors"
GRAPHS = (".onnx", ".mnn")
"""Endings of exported networks."""


def bundled() -> list[str]:
    """Names of the weights inside the package."""
    return _weights_in(_package())


def installed() -> list[str]:
    """Names of the weights that were installed (``rnan models install``)."""
    return _weights_in(installed_folder())


def names() -> list[str]:
    """All names that :func:`load` knows."""
    return sorted({name for folder in _folders() for name in _weights_in(folder)})


def known() -> list[str]:
    """Names of weights whose cards are here, but not they themselves."""
    cards = {e.name.removesuffix(".json") for e in _entries(_package()) if e.name.endswith(".json")}
    return sorted(cards - set(names()))


def installed_folder() -> Path:
    """Where installed weights lie, one folder for each user."""
    return user_data_path("rnan", appauthor=False) / "weights"


def card(name: str) -> dict[str, Any]:
    """The model card of weights by name."""
    for folder in _folders():
        entry = folder.joinpath(f"{name}.json")
        if entry.is_file():
            content_of_card: dict[str, Any] = json.loads(entry.read_text(encoding="utf-8"))
            return content_of_card
    raise _unknown(name)


def load(name: str | Path) -> Checkpoint:
    """Weights by name, or a weights file by path.

    Raises:
        WeightsError: They are missing, damaged or no weights of this program.
        MissingExtraError: PyTorch is not installed.
    """
    text = str(name)
    if text in names():
        return _load(text, str(card(text)["sha256"]))
    return _checkpoint(_data_of(name), str(name))


def header(name: str | Path) -> Header:
    """What weights say of themselves, by name or path.

    Raises:
        WeightsError: They are missing, damaged or no weights of this program.
        MissingExtraError: They are of the authors' program, and PyTorch is not installed.
    """
    text = str(name)
    if text in names():
        return _header(text, str(card(text)["sha256"]))
    data = _data_of(name)
    return header_of(data, name=text) if _is_ours(data) else _checkpoint(data, text)


def _data_of(name: str | Path) -> bytes:
    """A weights file by path."""
    text, path = str(name), Path(name)
    if not path.exists():
        if path.suffix or "/" in text:
            raise WeightsError(f"weights {path} do not exist")
        raise _unknown(text)
    if path.suffix.lower() in GRAPHS:
        raise WeightsError(f"{path} is an exported network; its weights are needed here")
    return content(path)


def _is_ours(data: bytes) -> bool:
    """A safetensors file starts with a length and the brace of its header."""
    return data[8:9] == b"{"


def _checkpoint(data: bytes, name: str) -> Checkpoint:
    try:
        from rnan.models.checkpoints import from_bytes
        from rnan.models.released import released_from_bytes
    except ImportError as error:
        raise MissingExtraError("torch", "torch") from error
    return (from_bytes if _is_ours(data) else released_from_bytes)(data, name=name)


def content(path: Path) -> bytes:
    """A file of weights."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"weights {path} cannot be read: {error.strerror}") from error


def graph(name: str | Path, scale: int) -> bytes | None:
    """MNN's file of weights, by name or path, where there is one: it lies beside them."""
    text = str(name)
    if text in names():
        folder: Traversable = next(one for one in _folders() if text in _weights_in(one))
    else:
        folder, text = Path(name).parent, Path(name).stem
    for file in (f"{text}-x{scale}.mnn", f"{text}.mnn"):
        entry = folder.joinpath(file)
        if entry.is_file():
            return entry.read_bytes()
    return None


def sha256(name: str | Path) -> str:
    """Hash of weights, by name or path."""
    if str(name) in names():
        return str(card(str(name))["sha256"])
    return hashlib.sha256(content(Path(name))).hexdigest()


@lru_cache(maxsize=4)
def _load(name: str, digest: str) -> Checkpoint:
    return _checkpoint(_whole(name, digest), name)


@lru_cache(maxsize=32)
def _header(name: str, digest: str) -> Header:
    return header_of(_whole(name, digest), name=name)


def _whole(name: str, digest: str) -> bytes:
    """A file of weights that are known by name, if it is what its card says."""
    folder = next(folder for folder in _folders() if name in _weights_in(folder))
    data = folder.joinpath(name + SUFFIX).read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        how = "rnan" if name in bundled() else "them"
        raise WeightsError(f"the weights {name} are damaged; install {how} again")
    return data


def _unknown(name: str) -> WeightsError:
    if name in PRESETS:
        return WeightsError(f"{name} is a preset without weights; train it, or pass a weights file")
    if name in known():
        return WeightsError(
            f"the weights {name} are not here; rnan models install FILE puts them where they belong"
        )
    return WeightsError(
        f"unknown model {name}{nearest(name, names())}; known are "
        f"{', '.join(names()) or 'none'}, or pass a file"
    )


def _folders() -> Iterator[Traversable]:
    """Where weights with a name may lie; the first that has one counts."""
    yield _package()
    # Beside `src` in a checkout: what is too large for the package.
    checkout = Path(__file__).parents[3]
    if (checkout / "src" / "rnan").is_dir():
        yield checkout / "weights"
    yield installed_folder()


def _package() -> Traversable:
    return resources.files("rnan.weights")


def _entries(folder: Traversable) -> list[Traversable]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _weights_in(folder: Traversable) -> list[str]:
    files = (entry.name for entry in _entries(folder))
    return sorted(name.removesuffix(SUFFIX) for name in files if name.endswith(SUFFIX))
