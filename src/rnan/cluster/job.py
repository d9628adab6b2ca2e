"""A folder or a bucket of pictures through a Ray Data job: each result once, whatever fails."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnan.cluster.inputs import Entry, Inputs, find
from rnan.cluster.nodes import Room, check_machines, connected
from rnan.cluster.record import DONE, FAILED, FOLDER, Record
from rnan.cluster.stores import Store
from rnan.cluster.worker import Order, Worker
from rnan.errors import ConfigError, InputError, OptionRef, ResourceError, RnanError, error_of_kind
from rnan.images.formats.registry import USUAL_ENDING
from rnan.options.request import Request
from rnan.pipeline.manifest import settings_hash
from rnan.pipeline.pipeline import Pipeline
from rnan.pipeline.plan import extensions_for
from rnan.weights import registry

if TYPE_CHECKING:
    import pyarrow

_MOST_IN_BLOCK = 16
"""Pictures that are done again at most when a machine is lost."""
_BLOCKS_FOR_EACH = 8
"""Blocks that each worker should at least have, so that all end at about the same time."""


@dataclass(frozen=True, kw_only=True)
class ClusterJob:
    """What is restored, and how the work is spread."""

    inputs: Sequence[str]
    """Folders, files and patterns, on this machine or in object stores."""
    output: str
    request: Request
    overwrite: bool = False
    """Replace outputs that exist."""
    only: Sequence[str] | None = None
    """Names below the one input folder, instead of all that is in it."""
    name: str = "{stem}{ext}"
    resume: bool = False
    """Leave out what is done and unchanged."""
    address: str | None = None
    """Address of the Ray cluster."""
    workers: int | None = None
    """By default as many as the machines have room for."""
    threads: int | None = None
    """Threads of each worker that has no GPU; by default all of a machine's, at most 8."""
    patience: float = 60.0
    """Minutes without any progress after which the job gives up."""


@dataclass
class Progress:
    """Where a job stands."""

    pictures: int
    """In all that are to be done."""
    skipped: int = 0
    done: int = 0
    failed: int = 0
    megapixels: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What became of a job."""

    counts: Counter[str]
    """How many pictures are ``done``, ``skipped`` and ``failed``."""
    retried: int
    """Pictures that took more than one attempt."""
    megapixels: float
    seconds: float
    failures: list[tuple[str, RnanError]]
    """Sources, and what went wrong."""
    manifest: str


Report = Callable[[Progress], None]


@dataclass(frozen=True)
class _Sorted:
    """The pictures of a job by what is to be done."""

    todo: list[Entry]
    skipped: list[Entry]
    refused: list[Entry]
    """Their outputs exist and are not ours."""


def plan(job: ClusterJob) -> list[tuple[str, str]]:
    """Which result belongs to which picture, of those that there is something to do for.

    Raises:
        RnanError: As :func:`run`, as far as it is known without any work.
    """
    output = Store(job.output)
    settings = _settings(Pipeline(job.request))
    entries = _sort(job, _find(job, output).entries, Record(output), settings).todo
    return [(entry.source, output.shown(f"{output.root}/{entry.target}")) for entry in entries]


def run(job: ClusterJob, report: Report | None = None) -> Summary:
    """Restore all pictures on the machines of a Ray cluster.

    Returns:
        What became of them. A bad picture is no error: it is among the failures.

    Raises:
        RnanError: Something stands against the whole job: inputs that do not exist, an output that
            cannot be written, machines that lack the weights, no progress for too long. What was
            done until then stays, and ``resume`` goes on.
    """
    start = time.perf_counter()
    output = Store(job.output)
    record = Record(output)
    pipeline = Pipeline(
        job.request
    )  # refuses levels and weights before anything is asked of others
    settings = _settings(pipeline)
    inputs = _find(job, output)
    tasks = _sort(job, inputs.entries, record, settings)
    number = record.begin([entry.target for entry in tasks.todo])
    _refuse(record, number, tasks.refused, settings)
    progress = Progress(len(tasks.todo), len(tasks.skipped), failed=len(tasks.refused))
    if tasks.todo:
        with connected(job.address) as room:
            check_machines(_needed(job.request, pipeline))
            order = Order(
                request=job.request,
                weights=_weights(job.request),
                overwrite=job.overwrite,
                stores=inputs.stores,
                output=output,
                run=number,
                settings=settings,
                threads=_threads(job, room),
            )
            with closing(_results(job, order, room, tasks.todo)) as rows:
                for row in rows:
                    progress.done += row["done"]
                    progress.failed += row["failed"]
                    progress.megapixels += row["megapixels"]
                    if report is not None:
                        report(progress)
    return _summary(record, inputs.entries, progress, number, time.perf_counter() - start)


def _settings(pipeline: Pipeline) -> str:
    return settings_hash(pipeline.facts)


def _find(job: ClusterJob, output: Store) -> Inputs:
    file_format = job.request.writing.format
    return find(
        job.inputs,
        output,
        extensions=extensions_for(job.request.restoration),
        only=job.only,
        name=job.name,
        ending=USUAL_ENDING[file_format.upper()] if file_format else None,
    )


def _sort(job: ClusterJob, entries: list[Entry], record: Record, settings: str) -> _Sorted:
    """Leave out what is done, and what would replace files of others."""
    rows, planned, store = record.rows(), record.planned(), record.store
    if rows and not (job.resume or job.overwrite):
        refs = OptionRef("resume", True), OptionRef("overwrite", True)
        raise ConfigError(f"{job.output} holds results of a job; pass ", refs[0], " or ", refs[1])
    hidden = f"{store.root}/{FOLDER}/"
    there = {
        file.path[len(store.root) + 1 :]: file.size
        for file in store.files(store.root)
        if not file.path.startswith(hidden)
    }
    ours = {row["target"] for row in rows.values() if row["status"] == DONE} | planned
    todo, skipped, refused = [], [], []
    for entry in entries:
        row = rows.get(entry.source)
        if job.resume and row is not None and is_complete(entry, row, settings, there):
            skipped.append(entry)
        elif entry.target in there and entry.target not in ours and not job.overwrite:
            refused.append(entry)
        else:
            todo.append(entry)
    return _Sorted(todo, skipped, refused)


def is_complete(entry: Entry, row: dict[str, Any], settings: str, there: dict[str, int]) -> bool:
    """Whether a picture's result is there, unchanged, made from the same file in the same way."""
    same = entry.modified == 0 or (entry.size, entry.modified) == (
        row["source_size"],
        row["source_modified"],
    )
    return (
        row["status"] == DONE
        and same
        and row["settings"] == settings
        and row["target"] == entry.target
        and there.get(entry.target) == row["target_size"]
    )


def _refuse(record: Record, run: int, entries: list[Entry], settings: str) -> None:
    flag = OptionRef("overwrite", True).as_flag()
    rows = [
        {
            "source": entry.source,
            "target": entry.target,
            "status": FAILED,
            "error": f"{entry.target} exists; pass {flag} to replace it",
            "kind": InputError.__name__,
            "attempt": 0,
            "run": run,
            "source_size": entry.size,
            "source_modified": entry.modified,
            "settings": settings,
            "ended": time.time(),
        }
        for entry in entries
    ]
    if rows:
        record.add(run, 999_999_999, rows)


def _needed(request: Request, pipeline: Pipeline) -> dict[str, str]:
    """SHA-256 of the weights by name that the workers must have."""
    model = request.model
    names = [model] if model in registry.names() else pipeline.model_names
    return {name: registry.sha256(name) for name in names}


def _weights(request: Request) -> bytes | None:
    if request.model is None or request.model in registry.names():
        return None
    return Path(request.model).read_bytes()


def _on_gpu(job: ClusterJob, room: Room) -> bool:
    device = job.request.restoring.device
    if device == "auto":
        return room.gpus > 0
    if device.startswith("cuda") and not room.gpus:
        raise ConfigError("the cluster has no GPU; leave ", OptionRef("device"), " out, or say cpu")
    return device.startswith("cuda")


def _threads(job: ClusterJob, room: Room) -> int:
    return job.threads or max(1, min(8, room.cpus // max(1, room.machines)))


def _blocks(entries: list[Entry], workers: int) -> list[pyarrow.Table]:
    import pyarrow as pa

    size = max(1, min(_MOST_IN_BLOCK, len(entries) // (_BLOCKS_FOR_EACH * workers)))
    tables = []
    for number, first in enumerate(range(0, len(entries), size)):
        rows = [{**vars(entry), "block": number} for entry in entries[first : first + size]]
        tables.append(pa.Table.from_pylist(rows))
    return tables


def _results(
    job: ClusterJob, order: Order, room: Room, entries: list[Entry]
) -> Generator[dict[str, Any], None, None]:
    """Rows of :class:`Worker`, as they come."""
    import ray
    from ray.data import ActorPoolStrategy, DataContext
    from ray.data.exceptions import ExecutionTimeoutError

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # we report what goes wrong
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = 0
    context.execution_no_progress_timeout_s = 60.0 * job.patience
    gpu = _on_gpu(job, room)
    workers = job.workers or max(1, room.gpus if gpu else room.cpus // order.threads)
    blocks = _blocks(entries, workers)
    workers = min(workers, len(blocks))
    pipeline = ray.data.from_arrow(blocks).map_batches(
        Worker,
        fn_constructor_args=(order,),
        batch_size=None,
        batch_format="pyarrow",
        # One block at a time, so that a machine that is lost takes no others along. Those that
        # find no room wait for it, and Ray adds machines where it may.
        compute=ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        num_gpus=1 if gpu else None,
        num_cpus=None if gpu else order.threads,
    )
    try:
        # On this thread: what interrupts it ends the work, before Ray goes.
        yield from pipeline.iter_rows()
    except ExecutionTimeoutError as error:
        raise ResourceError(
            f"no picture was finished for {job.patience:g} minutes; look at the machines, then run "
            "again with ",
            OptionRef("resume", True),
        ) from error
    except Exception as error:
        raise _ours(error) from error


def _ours(error: Exception) -> Exception:
    """Our own error within what Ray raises, or one line about it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, RnanError):
            return seen
        seen = getattr(seen, "cause", None) or seen.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if line.startswith("rnan.errors.")]
    if named:
        name, _, message = named[-1].removeprefix("rnan.errors.").partition(": ")
        return error_of_kind(name, message)
    return RnanError(f"the job stopped: {type(error).__name__}: {(lines or [''])[-1][:300]}")


def _summary(
    record: Record, entries: list[Entry], progress: Progress, run: int, seconds: float
) -> Summary:
    asked = {entry.source for entry in entries}
    rows = [row for row in record.end() if row["source"] in asked and row["run"] == run]
    return Summary(
        counts=Counter(
            {"done": progress.done, "skipped": progress.skipped, "failed": progress.failed}
        ),
        retried=sum(row["attempt"] > 1 for row in rows),
        megapixels=progress.megapixels,
        seconds=seconds,
        failures=[
            (row["source"], error_of_kind(row["kind"], row["error"]))
            for row in rows
            if row["status"] == FAILED
        ],
        manifest=record.manifest,
    )
