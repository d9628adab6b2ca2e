"""What a job has done, kept beside its results, so that it goes on wherever it was stopped.

    OUT/.rnan-cluster/manifest.parquet              one row for each picture, of all ended runs
    OUT/.rnan-cluster/runs/0002/plan.parquet        what a run that has not ended set out to do
    OUT/.rnan-cluster/runs/0002/done/000017.parquet rows of one block, written by who restored it
    OUT/.rnan-cluster/runs/0002/begun/…             see :mod:`rnan.cluster.attempts`

When a run ends, its rows go into the manifest and its folder goes away.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnan.cluster.stores import Store

if TYPE_CHECKING:
    import pyarrow

FOLDER = ".rnan-cluster"
MANIFEST = "manifest.parquet"

DONE, FAILED = "done", "failed"

COLUMNS: dict[str, str] = {
    "source": "string",
    "target": "string",
    "status": "string",
    "error": "string",
    "kind": "string",
    "said": "string",
    "attempt": "int32",
    "run": "int32",
    "source_size": "int64",
    "source_modified": "int64",
    "source_sha256": "string",
    "target_size": "int64",
    "target_sha256": "string",
    "settings": "string",
    "megapixels": "double",
    "read_seconds": "double",
    "restore_seconds": "double",
    "write_seconds": "double",
    "ended": "double",
    "node": "string",
}
"""Columns of the manifest. ``kind`` is the error's, of :mod:`rnan.errors`; ``attempt`` counts how
often work on the picture's block had been begun; ``source_modified`` is in nanoseconds,
``ended`` in seconds since 1970."""


def table(rows: Sequence[Mapping[str, Any]]) -> pyarrow.Table:
    """Rows of the manifest; what a row does not say is empty."""
    import pyarrow as pa

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])
    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


class Record:
    """The record of an output folder."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._home = f"{store.root}/{FOLDER}"
        self.manifest = store.shown(f"{self._home}/{MANIFEST}")
        """Where it is, for people."""

    def rows(self) -> dict[str, dict[str, Any]]:
        """The newest row of each picture, by its source, of ended runs and of all others."""
        newest: dict[str, dict[str, Any]] = {}
        for path in [f"{self._home}/{MANIFEST}", *self._paths("done")]:
            for row in self._read(path):
                before = newest.get(row["source"])
                if before is None or (row["run"], row["ended"]) >= (before["run"], before["ended"]):
                    newest[row["source"]] = row
        return newest

    def planned(self) -> set[str]:
        """Names of results that runs which have not ended may have written."""
        plans = [path for path in self._paths() if posixpath.basename(path) == "plan.parquet"]
        return {row["target"] for path in plans for row in self._read(path)}

    def begin(self, targets: Sequence[str]) -> int:
        """Start a run."""
        import pyarrow as pa

        numbers = [int(path[len(self._home) + 6 :].split("/")[0]) for path in self._paths()]
        numbers += [int(row["run"]) for row in self._read(f"{self._home}/{MANIFEST}")]
        run = max(numbers, default=0) + 1
        self._write(f"{self.folder(run)}/plan.parquet", pa.table({"target": list(targets)}))
        return run

    def folder(self, run: int) -> str:
        """The path of a run."""
        return f"{self._home}/runs/{run:04}"

    def add(self, run: int, block: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep the rows of a block; the same block again replaces them."""
        self._write(f"{self.folder(run)}/done/{block:06}.parquet", table(rows))

    def end(self) -> list[dict[str, Any]]:
        """Bring all rows together in the manifest and forget the runs."""
        rows = self.rows()
        ordered = [rows[source] for source in sorted(rows)]
        self._write(f"{self._home}/{MANIFEST}", table(ordered))
        self.store.remove(f"{self._home}/runs")
        return ordered

    def _paths(self, part: str | None = None) -> list[str]:
        parts = [file.path for file in self.store.files(f"{self._home}/runs")]
        return parts if part is None else [path for path in parts if f"/{part}/" in path]

    def _read(self, path: str) -> list[dict[str, Any]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self.store.kind(path) != "file":
            return []
        # From Arrow's own buffer and on this thread: a thread of Arrow's that still holds an
        # object of Python's when the process ends aborts it (apache/arrow issue 34314).
        file = pq.ParquetFile(pa.BufferReader(self.store.read(path)))
        rows: list[dict[str, Any]] = file.read(use_threads=False).to_pylist()
        return rows

    def _write(self, path: str, content: pyarrow.Table) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        data = pa.BufferOutputStream()
        pq.write_table(content, data, compression="zstd")
        self.store.write(path, data.getvalue().to_pybytes())
