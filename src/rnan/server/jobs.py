"""Jobs: they wait, run, end, and are forgotten."""

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnan.errors import Cancelled, RnanError
from rnan.options.request import Request
from rnan.server.problems import Problem, document, problem_of

_log = logging.getLogger(__name__)

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
ENDED = (DONE, FAILED, CANCELLED)


@dataclass(kw_only=True, eq=False)
class Job:
    """One picture on its way."""

    id: str
    folder: Path
    """Its files; gone with it."""
    name: str
    """What the client called the picture."""
    state: str = QUEUED
    started: float | None = None
    ended: float | None = None
    tiles: tuple[int, int] = (0, 0)
    """Done, and in all."""
    description: str = ""
    """What was done, in words."""
    problem: dict[str, Any] | None = None
    result: Path | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    request: Request = field(default_factory=Request)
    """What is asked for, within the limits of the server."""
    fetched: bool = False
    """Whether the client has got the result."""
    restored: bool = True
    """Whether it is to be restored; others are only looked at, and wait for themselves."""
    readers: int = 0
    """Answers that are made of its files right now."""
    late: float | None = None
    """When it has taken too long, on the monotonic clock."""

    def is_set(self) -> bool:
        """Whether the work shall stop: what :class:`~rnan.inference.Restorer` asks."""
        return self.stop.is_set() or self.is_late

    @property
    def is_late(self) -> bool:
        """Whether it has taken too long."""
        return self.late is not None and time.monotonic() > self.late

    @property
    def seconds_left(self) -> float | None:
        """From the tiles that are done; nothing before the first."""
        done, total = self.tiles
        if self.state != RUNNING or self.started is None or not done:
            return None
        return (time.time() - self.started) / done * (total - done)


Do = Callable[[Job], None]
"""Restores a job's picture: sets ``result``, ``description`` and ``tiles``."""


class Jobs:
    """All jobs of a server, a few at work at a time.

    Args:
        folder: Where their files go.
        workers: At work at a time.
        queue: That may wait.
        seconds: That each may take.
        keep: Seconds after which one that has ended is forgotten.
    """

    def __init__(
        self, folder: Path, *, workers: int, queue: int, seconds: float, keep: float
    ) -> None:
        self._folder = folder
        self._queue, self._seconds, self._keep = queue, seconds, keep
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="restore")
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self.refusing = False
        """Whether the server is about to end."""
        self.stopping = False
        """Whether it ends at once, without what runs."""
        self.counts: dict[str, int] = dict.fromkeys(ENDED, 0)
        """How many jobs ended in each state."""
        self._mean = 5.0

    def new(self, name: str, *, restored: bool = True) -> Job:
        """A job with a folder of its own, which does nothing yet.

        Raises:
            Problem: Too many wait (429), or the server is about to end (503).
        """
        self.forget_old()
        with self._lock:
            self.check_room(restored=restored)
            number = secrets.token_urlsafe(18)
            job = Job(id=number, folder=Path(), name=name, restored=restored)
            job.folder = self._folder / job.id
            job.folder.mkdir()
            self._jobs[job.id] = job
        return job

    def check_room(self, *, restored: bool = True) -> None:
        """Refuse a picture for which there is no room.

        Raises:
            Problem: Too many wait (429), or the server is about to end (503).
        """
        if self.refusing:
            raise Problem(503, "the server is being stopped", retry_after="30")
        waiting = self._open(restored=restored)
        if waiting >= self._queue + self._workers:
            wait = max(1, round(self._mean * waiting / self._workers))
            raise Problem(
                429, f"{waiting} pictures are waiting; try again later", retry_after=str(wait)
            )

    def start(self, job: Job, do: Do) -> Future[None]:
        """Let it wait for its turn; the future is done when the job has ended."""
        return self._pool.submit(self._run, job, do)

    def get(self, number: str) -> Job:
        """The job of that number."""
        self.forget_old()
        job = self._jobs.get(number)
        if job is None:
            raise _gone()
        return job

    @contextmanager
    def held(self, job: Job) -> Iterator[None]:
        """Keep its files for an answer, even if it is removed meanwhile.

        Raises:
            Problem: It was removed before (404).
        """
        with self._lock:
            if job.id not in self._jobs:
                raise _gone()
            job.readers += 1
        try:
            yield
        finally:
            with self._lock:
                job.readers -= 1
                free = not job.readers and job.id not in self._jobs
            if free:
                shutil.rmtree(job.folder, ignore_errors=True)

    def cancel(self, job: Job) -> None:
        """Stop it, and forget it as soon as it has stopped."""
        with self._lock:
            job.stop.set()
            if job.state == QUEUED:
                self._end(job, CANCELLED)
        if job.state in ENDED:
            self.forget(job)

    def forget_old(self) -> None:
        """Remove what ended long ago."""
        limit = time.time() - self._keep
        for job in list(self._jobs.values()):
            if job.ended is not None and job.ended < limit:
                self.forget(job)

    @property
    def waiting(self) -> int:
        """Jobs to be restored that have not ended."""
        return self._open(restored=True)

    def _open(self, *, restored: bool) -> int:
        jobs = list(self._jobs.values())
        return sum(job.state not in ENDED and job.restored == restored for job in jobs)

    @property
    def running(self) -> int:
        """Jobs at work."""
        return sum(job.state == RUNNING for job in list(self._jobs.values()))

    @property
    def unfetched(self) -> bool:
        """Whether there are results that nobody has taken yet."""
        return any(job.state == DONE and not job.fetched for job in list(self._jobs.values()))

    def cancel_waiting(self) -> None:
        """Stop what has not begun; it stays, so that its client learns of it."""
        with self._lock:
            for job in self._jobs.values():
                if job.state == QUEUED:
                    job.problem = document(503, "the server is being stopped")
                    self._end(job, FAILED)

    def stop(self) -> None:
        """Give up what runs, too: as soon as the network has done its tile."""
        self.stopping = True
        for job in list(self._jobs.values()):
            job.stop.set()

    def close(self) -> None:
        """Finish what runs, refuse the rest."""
        self.refusing = True
        self.cancel_waiting()
        self._pool.shutdown(wait=True)

    def _run(self, job: Job, do: Do) -> None:
        with self._lock:
            if job.state != QUEUED:
                return
            job.started = time.time()
            job.late = time.monotonic() + self._seconds
            job.state = RUNNING
        try:
            do(job)
        except Cancelled:
            if job.is_late and not job.stop.is_set():
                job.problem = document(503, f"it took longer than {self._seconds:.0f} s")
                self._end(job, FAILED)
            else:
                self._end(job, CANCELLED)
        except RnanError as error:
            job.problem = problem_of(error)
            self._end(job, FAILED)
        except Problem as error:
            job.problem = document(error.status, error.detail, error.remedy)
            self._end(job, FAILED)
        except Exception:
            _log.exception("job %s failed", job.id)
            job.problem = document(500, "an error in the server; its log says more")
            self._end(job, FAILED)
        else:
            with self._lock:  # so that cancelling comes before the end or after it
                self._end(job, CANCELLED if job.stop.is_set() else DONE)
            self._mean += 0.2 * (time.time() - job.started - self._mean)
        if job.stop.is_set():
            self.forget(job)

    def _end(self, job: Job, state: str) -> None:
        job.ended = time.time()
        job.state = state
        self.counts[state] += 1
        why = job.problem["detail"] if job.problem is not None else job.description
        took = job.ended - (job.started or job.ended)
        _log.debug("job %s %s after %.1f s: %s", job.id, state, took, why)

    def forget(self, job: Job) -> None:
        """Remove it, and its files as soon as no answer is made of them."""
        with self._lock:
            self._jobs.pop(job.id, None)
            free = not job.readers
        if free:
            shutil.rmtree(job.folder, ignore_errors=True)


def _gone() -> Problem:
    return Problem(404, "there is no such job, or it was forgotten")
