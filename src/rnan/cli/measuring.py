"""What ``evaluate`` and ``figure`` share: which models, at which levels, on which inputs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from rnan.cli.options import ATTENTION, ENGINE
from rnan.errors import ConfigError

if TYPE_CHECKING:
    from rnan.engines import Engine
    from rnan.evaluation.methods import Method
    from rnan.inference import Restorer
    from rnan.tasks import Task
    from rnan.tasks.level import Level

_log = logging.getLogger(__name__)

Decorated = Callable[..., Any]


def measuring(function: Decorated) -> Decorated:
    """``--model``, ``--level``, ``--seed`` and what else decides a measurement."""
    for option in (
        ENGINE,
        ATTENTION,
        click.option("--assume", help="Tell the network this level, or auto to estimate it."),
        click.option(
            "--quantise-lq",
            is_flag=True,
            help="Clip and round the inputs to 8 bit first, as the authors' files are.",
        ),
        click.option("--self-ensemble", is_flag=True, help='The paper\'s "+".'),
        click.option(
            "--seed",
            type=click.IntRange(0),
            default=0,
            show_default=True,
            help="Of the degradation.",
        ),
        click.option(
            "--level",
            multiple=True,
            help="Levels, also with commas: 10, grbg, x2, grbg-5, iso6400; a figure shows one.  "
            "[default: the task's table; for a figure its last]",
        ),
        click.option(
            "--model",
            "models",
            multiple=True,
            help="Weights, name or file; none measures the input; classical:bicubic, "
            "classical:menon, classical:ahd, classical:dht, classical:nlm, classical:wavelet; "
            "of raw classical:libraw, libraw-fbdd, libraw-denoise, rawtherapee; "
            "peer:PATH, a network of others (ONNX, or what spandrel loads). May be repeated.  "
            "[default: TASK]",
        ),
    ):
        function = option(function)
    return function


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One model, ready to be measured."""

    model: str
    """As the user named it."""
    name: str
    """In the records."""
    run: Method
    levels: list[Level]
    tried: bool = False
    """Whether the levels are what it is told of the same pictures, and the best of them counts."""


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What is to be measured, and how."""

    methods: list[Measurement]
    seed: int
    quantise_lq: bool

    @property
    def engine(self) -> Engine | None:
        """What runs the networks; none where there is no network."""
        from rnan.evaluation.methods import Network
        from rnan.evaluation.raws import RawNetwork

        runs = [one.run for one in self.methods if isinstance(one.run, (Network, RawNetwork))]
        return runs[0].restorer.engine if runs else None


def load_measurement(
    task: Task,
    levels: Sequence[str],
    *,
    models: Sequence[str],
    seed: int,
    quantise_lq: bool,
    assume: str | None,
    **options: Any,
) -> Measurements:
    """Load every model and find its levels.

    Raises:
        ConfigError: A level, a model or ``assume`` cannot be.
        WeightsError: Weights cannot be loaded.
    """
    for model in models:
        if models.count(model) > 1:
            raise ConfigError(f"--model names {model} twice")
    given = parse_levels(task, levels)
    assumed = _assumed(task, assume)
    methods = [
        _load(model, task, given, assumed, assume, **options)
        for model in models or task.default_models or (task.name,)
    ]
    return Measurements(methods=methods, seed=seed, quantise_lq=quantise_lq)


def parse_levels(task: Task, given: Sequence[str]) -> list[Level]:
    """Levels from words with commas; empty where none are given.

    Raises:
        ConfigError: A word is no level of the task, or stands there twice.
    """
    levels = [task.level(word) for text in given for word in text.split(",")]
    names = [level.name for level in levels]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"--level names {name} twice")
    return levels


def _assumed(task: Task, assume: str | None) -> Level | str | None:
    if assume is None or assume == "auto":
        return assume
    if task.networks:
        return task.level(assume)
    if not task.level_name:
        raise ConfigError("--assume is for levels that a network is given; a scale is none")
    level = task.level(assume)
    task.check_level(level.value)
    return level


def _load(
    model: str,
    task: Task,
    given: list[Level],
    assumed: Level | str | None,
    assume: str | None,
    *,
    self_ensemble: bool,
    **options: Any,
) -> Measurement:
    from rnan.evaluation.methods import classical, network_for, nothing

    levels = given or [task.level(name) for name in task.table_levels]
    tried = [] if given else [task.level(name) for name in task.tried_levels]
    if model == "none":
        return Measurement(model=model, name=model, run=nothing, levels=levels)
    if model.startswith("classical:"):
        method = classical(model.removeprefix("classical:"), task)
        levels = tried or levels
        return Measurement(model=model, name=model, run=method, levels=levels, tried=bool(tried))
    restorer = _restorer(model, task, self_ensemble=self_ensemble, **options)
    if not task.takes_networks_of(restorer.task):
        raise ConfigError(f"{model} is for {restorer.task.name}, not for {task.name}")
    if tried and restorer.task.name not in task.untold and assume is None:
        run = network_for(task, restorer, None)
        return Measurement(model=model, name=model, run=run, levels=tried, tried=True)
    scales = restorer.engine.scales
    for level in given:
        if level.scale not in scales:
            known = ", ".join(map(str, scales))
            raise ConfigError(f"{model} has no scale {level.scale}; it has {known}")
    levels = [level for level in levels if level.scale in scales]
    if not task.networks:
        _warn_of_levels(model, restorer, levels)
    name = model + ("+" if self_ensemble else "") + (f"@{assume}" if assume else "")
    run = network_for(task, restorer, assumed)
    return Measurement(model=model, name=name, run=run, levels=levels)


def _restorer(model: str, task: Task, **options: Any) -> Restorer:
    if not model.startswith("peer:"):
        from rnan.api import load_restorer

        return load_restorer(model, task=task.networks or task.name, **options)
    from pathlib import Path

    from rnan.engines.peer import open_peer
    from rnan.engines.torch_device import choose_device
    from rnan.inference import RestoreOptions, Restorer
    from rnan.options.mapping import from_mapping

    settings = from_mapping(RestoreOptions, options)
    engine = open_peer(Path(model.removeprefix("peer:")), choose_device(settings.device))
    return Restorer(task, engine, settings)


def _warn_of_levels(model: str, restorer: Restorer, levels: list[Level]) -> None:
    low, high = restorer.task.level_range
    if not restorer.engine.takes_level or model.startswith("peer:"):
        return
    for level in levels:
        if not low <= level.value <= high:
            _log.warning(
                "%s was trained for %s %g to %g: at %s it is given %g",
                *(model, restorer.task.level_name, low, high, level.name),
                restorer.task.nearest_known(level).value,
            )
