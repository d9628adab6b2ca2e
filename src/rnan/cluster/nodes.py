"""The machines: Ray, found or started, and whether each can take part."""

from __future__ import annotations

import logging
import os
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
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import ray
    except ImportError:
        raise MissingExtraError("ray", "cluster") from None
    place = address or os.environ.get("RAY_ADDRESS")
    try:
        ray.init(
            address=place,
            include_dashboard=None if place else False,
            configure_logging=True,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        brief = (str(error).splitlines() or [""])[0][:200]
        raise InputError(f"no Ray cluster answers at {place}: {brief}") from error
    try:
        total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        yield Room(int(total.get("CPU", 0)), int(total.get("GPU", 0)), len(_alive(ray)))
    finally:
        ray.shutdown()


def check_machines(hashes: Mapping[str, str]) -> None:
    """Ask every machine whether it has this version and the weights.

    Args:
        hashes: SHA-256 of the bundled weights that are needed, by name.

    Raises:
        ConfigError: One has not, or does not answer.
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


def _alive(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]
