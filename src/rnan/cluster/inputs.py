"""Which pictures a job restores, and what their results are called."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnan.cluster.stores import Found, Store
from rnan.errors import ConfigError, InputError
from rnan.pipeline.plan import apart, renamed

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
        name: See :func:`rnan.pipeline.plan.plan_files`.
        ending: See there.

    Raises:
        InputError: An input does not exist, there is none at all, or one would be overwritten.
        ConfigError: Two would be written to one output.
    """
    stores: list[Store] = []
    pictures: dict[str, tuple[int, Found, str]] = {}
    if only is not None and len(inputs) != 1:
        raise ConfigError("a list of files needs one folder that they are in")
    for number, address in enumerate(inputs):
        store = Store(address)
        stores.append(store)
        files = _below(store, output, extensions) if only is None else _named(store, only)
        for file, relative in files:
            pictures.setdefault(store.shown(file.path), (number, file, relative))
    if not pictures:
        raise InputError("the list of files is empty")
    targets = apart(
        [Path(source) for source in pictures],
        [renamed(Path(relative), name, ending) for _, _, relative in pictures.values()],
    )
    entries = [
        Entry(
            source=source,
            store=number,
            path=file.path,
            target=target.as_posix(),
            size=file.size,
            modified=file.modified,
        )
        for (source, (number, file, _)), target in zip(pictures.items(), targets, strict=True)
    ]
    _check_collisions(entries, stores, output)
    return Inputs(stores, entries)


def _below(store: Store, output: Store, extensions: Sequence[str]) -> Iterator[tuple[Found, str]]:
    kind = store.kind(store.root)
    if kind == "file":
        yield store.info(store.root), posixpath.basename(store.root)
        return
    if kind == "folder":
        folder, pattern = store.root, None
    elif _MAGIC.search(store.root):
        folder = _MAGIC.split(store.root)[0].rpartition("/")[0]
        pattern = _as_regex(store.root)
    else:
        raise InputError(f"{store.address} does not exist")
    results = f"{output.place(output.root)}/"
    empty = True
    for file in store.files(folder):
        relative = file.path[len(folder) + 1 :]
        hidden = any(part.startswith(".") for part in relative.split("/"))
        if hidden or posixpath.splitext(relative)[1].lower() not in extensions:
            continue
        if pattern is not None and not pattern.fullmatch(file.path):
            continue
        if store.place(file.path).startswith(results):
            continue
        empty = False
        yield file, relative
    if empty:
        problem = (
            f"nothing matches {store.address}" if pattern else f"{store.address} holds no pictures"
        )
        raise InputError(f"{problem} ({', '.join(extensions)})")


def _as_regex(pattern: str) -> re.Pattern[str]:
    """``**/`` is any number of folders; ``*``, ``?``, ``[ab]`` and ``[!ab]`` stay within one."""
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(
            words.get(piece) or (_as_class(piece) if piece.startswith("[") else re.escape(piece))
            for piece in pieces
        )
    )


def _as_class(piece: str) -> str:
    inner = piece[1:-1].replace("\\", r"\\")
    return f"[^/{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"


def _named(store: Store, names: Sequence[str]) -> Iterator[tuple[Found, str]]:
    """Files of a list; their sizes are not asked for, since that would take hours for millions."""
    for name in names:
        relative = posixpath.normpath(name)
        if relative.startswith(("/", "..")):
            raise InputError(f"{name} is not below {store.address}")
        yield Found(f"{store.root}/{relative}", 0, 0), relative


def _check_collisions(entries: list[Entry], stores: list[Store], output: Store) -> None:
    sources = {stores[entry.store].place(entry.path) for entry in entries}
    taken: dict[str, str] = {}
    for entry in entries:
        result = f"{output.root}/{entry.target}"
        if output.place(result) in sources:
            raise InputError(
                f"{output.shown(result)} is an input and would be overwritten by a result; "
                "name another folder"
            )
        if entry.target in taken:
            raise ConfigError(
                f"{entry.source} and {taken[entry.target]} would both be written to {entry.target}"
            )
        taken[entry.target] = entry.source
