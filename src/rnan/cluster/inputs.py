"""Which pictures a job restores, and what their results are called."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnan.cluster.stores import Found, Store
from rnan.errors import ConfigError, InputError
from rnan.inference.plan import renamed

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Entry:
    """One picture."""

    source: str
    """As the manifest calls it."""
    store: int
    """Which of the stores it is in."""
    path: str
    """Its path there."""
    target: str
    """Its result's name below the output folder."""
    size: int
    modified: int


@dataclass(frozen=True)
class Inputs:
    """All pictures of a job."""

    stores: list[Store]
    entries: list[Entry]


def find(
    inputs: Sequence[str],
    output: Store,
    *,
    extensions: Sequence[str],
    only: Sequence[str] | None = None,
    name: str = "{stem}{ext}",
    ending: str | None = None,
) -> Inputs:
    """Look for the pictures; folders are searched with all that is below them.

    Args:
        inputs: Paths and addresses of files and folders, and patterns (``*``, ``**``, ``[ab]``, on
            this machine ``?`` too).
        output: Where the results go; what lies there is not taken as an input.
        extensions: Endings that folders are searched for.
        only: Take these files of the one input folder, by their names in it, without listing it.
        name: See :func:`rnan.inference.plan.plan`.
        ending: See there.

    Raises:
        InputError: An input does not exist, there is none at all, or one would be overwritten.
        ConfigError: Two would be written to one output.
    """
    stores: list[Store] = []
    found: dict[str, tuple[int, Found, str]] = {}
    if only is not None and len(inputs) != 1:
        raise ConfigError("a list of files needs one folder that they are in")
    for number, address in enumerate(inputs):
        store = Store(address)
        stores.append(store)
        files = _below(store, output, extensions) if only is None else _named(store, only)
        for file, relative in files:
            found.setdefault(store.shown(file.path), (number, file, relative))
    if not found:
        raise InputError("the list of files is empty")
    entries = [
        Entry(
            source=source,
            store=number,
            path=file.path,
            target=renamed(Path(relative), name, ending).as_posix(),
            size=file.size,
            modified=file.modified,
        )
        for source, (number, file, relative) in found.items()
    ]
    _check_collisions(entries, output)
    return Inputs(stores, entries)


def _below(store: Store, output: Store, extensions: Sequence[str]) -> Iterator[tuple[Found, str]]:
    kind = store.kind(store.root)
    if kind == "file":
        yield store.info(store.root), posixpath.basename(store.root)
    elif kind == "folder":
        empty = True
        for file in store.files(store.root):
            relative = file.path[len(store.root) + 1 :]
            hidden = any(part.startswith(".") for part in relative.split("/"))
            suffix = posixpath.splitext(relative)[1].lower()
            if hidden or suffix not in extensions or _is_within(file.path, store, output):
                continue
            empty = False
            yield file, relative
        if empty:
            raise InputError(f"{store.address} holds no pictures ({', '.join(extensions)})")
    elif _MAGIC.search(store.root):
        yield from _matching(store)
    else:
        raise InputError(f"{store.address} does not exist")


def _is_within(path: str, store: Store, output: Store) -> bool:
    return store.is_local == output.is_local and path.startswith(f"{output.root}/")


def _matching(store: Store) -> Iterator[tuple[Found, str]]:
    fixed = _MAGIC.split(store.root)[0].rpartition("/")[0]
    pattern = _as_regex(store.root)
    empty = True
    for file in store.files(fixed):
        if pattern.fullmatch(file.path):
            empty = False
            yield file, file.path[len(fixed) + 1 :]
    if empty:
        raise InputError(f"nothing matches {store.address}")


def _as_regex(pattern: str) -> re.Pattern[str]:
    """``**/`` is any number of folders, ``*`` and ``?`` stay within one."""
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(
            words.get(piece) or (piece if piece.startswith("[") else re.escape(piece))
            for piece in pieces
        )
    )


def _named(store: Store, names: Sequence[str]) -> Iterator[tuple[Found, str]]:
    """Files of a list; their sizes are not asked for, since that would take hours for millions."""
    for name in names:
        relative = posixpath.normpath(name)
        if relative.startswith(("/", "..")):
            raise InputError(f"{name} is not below {store.address}")
        yield Found(f"{store.root}/{relative}", 0, 0), relative


def _check_collisions(entries: list[Entry], output: Store) -> None:
    sources = {entry.source for entry in entries}
    taken: dict[str, str] = {}
    for entry in entries:
        place = output.shown(f"{output.root}/{entry.target}")
        if place in sources:
            raise InputError(
                f"{place} is an input and would be overwritten by a result; name another folder"
            )
        if entry.target in taken:
            raise ConfigError(
                f"{entry.source} and {taken[entry.target]} would both be written to {entry.target}"
            )
        taken[entry.target] = entry.source
