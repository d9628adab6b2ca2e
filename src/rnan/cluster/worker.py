"""The actor that restores: it loads the networks once, then takes one block after the other."""

from __future__ import annotations

import hashlib
import os
import platform
import posixpath
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnan import __version__
from rnan.cluster.attempts import MOST_DEATHS, Attempts
from rnan.cluster.record import DONE, FAILED, Record
from rnan.cluster.stores import Store
from rnan.errors import ConfigError, OptionRef, RnanError
from rnan.options.request import Request
from rnan.pipeline.pipeline import Pipeline
from rnan.pipeline.plan import Plan
from rnan.pipeline.scratch import Scratch
from rnan.runtimes.threads import limit_threads

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, kw_only=True)
class Order:
    """All that a worker needs to know."""

    request: Request
    weights: bytes | None
    """The file that ``request.model`` names, where it is no bundled one."""
    overwrite: bool
    stores: Sequence[Store]
    output: Store
    run: int
    settings: str
    threads: int
    version: str = __version__


class Worker:
    """Restores the pictures of a block and writes down what became of each.

    Raises:
        ConfigError: The driver has another version.
        WeightsError: The networks cannot be loaded.
    """

    def __init__(self, order: Order) -> None:
        if order.version != __version__:
            raise ConfigError(
                f"{platform.node()} has rnan {__version__}, the driver {order.version}; "
                "install one version everywhere"
            )
        limit_threads(order.threads)
        self._order = order
        self._home = Scratch("cluster")
        request = order.request
        if order.weights is not None:
            # The ending tells an exported network.
            file = self._home.path / f"weights{Path(str(request.model)).suffix}"
            file.write_bytes(order.weights)
            request = replace(request, model=str(file))
        self._pipeline = Pipeline(request)
        self._record = Record(order.output)

    def __call__(self, block: pyarrow.Table) -> pyarrow.Table:
        """Restore a block.

        Raises:
            RnanError: The record cannot be written: nothing else stops a block.
        """
        import pyarrow as pa

        pictures = block.to_pylist()
        number = int(pictures[0]["block"])
        folder = f"{self._record.folder(self._order.run)}/begun/{number:06}"
        attempts = Attempts(self._order.output, folder)
        attempts.begin()
        rows = [
            self._row(picture, attempts, blamed=attempts.blames(place))
            for place, picture in enumerate(pictures)
        ]
        self._record.add(self._order.run, number, rows)
        done = [row for row in rows if row["status"] == DONE]
        return pa.table(
            {
                "block": [number],
                "done": [len(done)],
                "failed": [len(rows) - len(done)],
                "megapixels": [sum(row["megapixels"] for row in done)],
            }
        )

    def _row(
        self, picture: Mapping[str, Any], attempts: Attempts, *, blamed: bool
    ) -> dict[str, Any]:
        row: dict[str, Any] = {
            "source": picture["source"],
            "target": picture["target"],
            "attempt": attempts.number,
            "run": self._order.run,
            "source_size": picture["size"],
            "source_modified": picture["modified"],
            "settings": self._order.settings,
            "node": platform.node(),
        }
        if blamed:
            error = f"the process died {MOST_DEATHS} times while restoring it"
            return row | {"status": FAILED, "error": error, "ended": time.time()}
        try:
            row |= self._restore(picture) | {"status": DONE}
        except RnanError as error:
            row |= {
                "status": FAILED,
                "error": error.spelled(OptionRef.as_flag),
                "kind": type(error).__name__,
            }
        except Exception as error:  # one bad picture must not stop a million others
            row |= {"status": FAILED, "error": f"{type(error).__name__}: {error}"}
        return row | {"ended": time.time()}

    def _restore(self, picture: Mapping[str, Any]) -> dict[str, Any]:
        """Restore one picture through files on this machine."""
        order = self._order
        store, path = order.stores[picture["store"]], picture["path"]
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=self._home.path) as folder:
            source = Path(folder) / posixpath.basename(path)  # the ending says what is in it
            target = Path(folder) / "result" / posixpath.basename(picture["target"])
            data = store.read(path)
            source.write_bytes(data)
            read = time.perf_counter()
            try:
                result = self._pipeline(Plan(source, target, overwrite=order.overwrite))
            except RnanError as error:  # the copy's name means nothing to anybody
                error.rename(str(source), picture["source"])
                raise
            ended = time.perf_counter()
            written = target.read_bytes()
        order.output.write(f"{order.output.root}/{picture['target']}", written)
        return {
            "said": result.description,
            "source_size": len(data),
            "source_sha256": hashlib.sha256(data).hexdigest(),
            "target_size": len(written),
            "target_sha256": hashlib.sha256(written).hexdigest(),
            "megapixels": result.megapixels,
            "read_seconds": read - start,
            "restore_seconds": ended - read,
            "write_seconds": time.perf_counter() - ended,
        }


def look_around(order_version: str, hashes: Mapping[str, str]) -> str:
    """What keeps a machine from taking part, in words; nothing if it can.

    Args:
        order_version: The driver's.
        hashes: SHA-256 of the bundled weights that are needed, by name.
    """
    from rnan.weights import registry

    place = f"{platform.node()} (process {os.getpid()})"
    if order_version != __version__:
        return f"{place} has rnan {__version__}, the driver {order_version}"
    missing = [name for name in hashes if name not in registry.names()]
    if missing:
        return f"{place} lacks the weights {', '.join(missing)}"
    other = [name for name, value in hashes.items() if registry.sha256(name) != value]
    return f"{place} has other weights of the name {', '.join(other)}" if other else ""
