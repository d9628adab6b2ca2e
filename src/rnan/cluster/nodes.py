"""The machines: Ray, found or started, and whether each can take part."""

import logging
import os
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rnan import __version__
from rnan.cluster.worker import look_around
from rnan.errors import ConfigError, InputError, MissingExtraError

_PATIENCE = 120.0
"""Seconds within which every machine has to answer before the work begins."""
_LEAVING = 10.0
"""Seconds that the threads of a job may take to end."""


@dataclass(frozen=True)
class Room:
    """What the machines have together."""

    cpus: int
    gpus: int
    machines: int


@contextmanager
def connected(address: str | None) -> Iterator[Room]:
    """Ray, until the work is over.

    Args:
        address: Of a cluster; by default the one that ``RAY_ADDRESS`` names, or this machine alone.

    Raises:
        MissingExtraError: Ray is not installed.
        InputError: No cluster answers there.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # What an interrupted job leaves behind would start a Ray of its own.
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import ray
    except ImportError:
        raise MissingExtraError("ray", "cluster") from None
    place = address or os.environ.get("RAY_ADDRESS")
    with _without_its_words():
        yield from _joined(ray, place)


def _joined(ray: Any, place: str | None) -> Iterator[Room]:
    if place is not None:
        _check_answers(place)
    before = set(threading.enumerate())
    try:
        try:
            with _without_its_dashboard(ray):
                ray.init(
                    address=place or "local",
                    include_dashboard=None if place else False,
                    configure_logging=True,
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                )
        except (ConnectionError, RuntimeError, ValueError) as error:
            brief = (str(error).splitlines() or [""])[0][:200]
            raise InputError(f"no Ray cluster answers at {place}: {brief}") from error
        total: dict[str, float] = ray.cluster_resources()
        yield Room(int(total.get("CPU", 0)), int(total.get("GPU", 0)), len(_alive(ray)))
    finally:
        ray.shutdown()
        # Those that fetch rows for an interrupted job see now that Ray is gone. Would the process
        # end before them, it would crash.
        latest = time.monotonic() + _LEAVING
        for thread in set(threading.enumerate()) - before:
            thread.join(max(0.0, latest - time.monotonic()))


def check_machines(hashes: Mapping[str, str]) -> None:
    """Ask every machine whether it has this version and the weights.

    Args:
        hashes: SHA-256 of the bundled weights that are needed, by name.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(num_cpus=0, max_retries=0)(look_around)
    asked = {
        ask.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(__version__, dict(hashes)): node["NodeManagerAddress"]
        for node in _alive(ray)
    }
    answered, silent = ray.wait(list(asked), num_returns=len(asked), timeout=_PATIENCE)
    if silent:
        raise ConfigError(f"{asked[silent[0]]} does not answer within {_PATIENCE:.0f} s")
    for answer in answered:
        try:
            wrong = ray.get(answer)
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            if "No module named" in str(error):
                raise ConfigError(f"rnan is not installed on {asked[answer]}") from error
            brief = (str(cause).splitlines() or [""])[0][:200]
            raise ConfigError(f"{asked[answer]} cannot take part: {brief}") from error
        if wrong:
            raise ConfigError(f"{wrong}; install the same rnan on every machine")


@contextmanager
def _without_its_dashboard(ray: Any) -> Iterator[None]:
    """Start no dashboard on this machine.

    Ray 2.60.0 starts a part of it even where none is asked for and no statistics are sent, and that
    part asks the address at which clouds say what they are.
    """
    node = ray._private.node.Node
    before = node.start_api_server

    def nothing(self: Any, **_: Any) -> None:
        self._webui_url = ""

    node.start_api_server = nothing
    try:
        yield
    finally:
        node.start_api_server = before


@contextmanager
def _without_its_words() -> Iterator[None]:
    """Keep what Ray's own code writes away from the terminal: it stands in Ray's log files.

    It writes to the second descriptor, whatever the levels of Python's loggers.
    """
    if logging.getLogger().level <= logging.DEBUG:
        yield
        return
    sys.stderr.flush()
    before, handlers = sys.stderr, logging.getLogger().handlers
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    with os.fdopen(kept, "w", buffering=1, closefd=False) as ours:
        streams = [h for h in handlers if isinstance(h, logging.StreamHandler)]
        streams = [handler for handler in streams if handler.stream is before]
        sys.stderr = ours
        for handler in streams:
            handler.setStream(ours)
        try:
            yield
        finally:
            ours.flush()
            sys.stderr = before
            for handler in streams:
                handler.setStream(before)
            os.dup2(kept, 2)
            os.close(kept)


def _check_answers(place: str) -> None:
    """Ray itself asks for minutes where nobody listens."""
    host, _, port = place.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # "auto" and the like
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=10):
            pass
    except OSError as error:
        raise InputError(f"no Ray cluster answers at {place}: {error.strerror or error}") from error


def _alive(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]
