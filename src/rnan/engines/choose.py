"""From the name of a model to an engine that runs it."""

from collections.abc import Mapping
from pathlib import Path

from rnan.engines.engine import Engine
from rnan.engines.graph import GraphEngine
from rnan.engines.programs import PROGRAMS, Program, Weights, device_for, get_program
from rnan.engines.where import device_name
from rnan.errors import ConfigError, OptionRef, WeightsError
from rnan.export.info import info_of
from rnan.models import RNANConfig
from rnan.options.restoring import RestoreOptions
from rnan.tasks import RESTORATIONS, TASKS, Task, get_task
from rnan.weights import registry

Tasks = str | Mapping[int, Task] | None
"""The task of a model whose file does not say it: by name, or one for each number of channels."""


def open_model(model: str | Path, task: Tasks, options: RestoreOptions) -> tuple[Task, Engine]:
    """Weights or an exported network, ready to run.

    Raises:
        WeightsError: They are missing, damaged, of another shape or of no known task, or do not
            suit it.
        ConfigError: An option does not go with the program that runs them.
        MissingExtraError: That program is not installed.
    """
    if Path(model).suffix.lower() in registry.GRAPHS:
        return _open_file(Path(model), options)
    header = registry.header(model)
    chosen = _task_of(model, header.info.get("task"), header.config, task)
    check_suits(model, header.config, chosen)
    weights = Weights(model=model, header=header, task=chosen)
    program = _program_for(weights, options)
    program.check(options)
    return chosen, program.open_weights(weights, options, (_engine_of, (model, task, options)))


def check_options(options: RestoreOptions) -> None:
    """Refuse what no model can be opened with, before one is needed.

    Raises:
        ConfigError: The device is not there, or an option does not go with the program.
    """
    device_name(options.device)
    if options.engine not in (None, "auto"):
        get_program(options.engine).check(options)


def check_suits(model: str | Path, config: RNANConfig, task: Task) -> None:
    """Refuse a network that cannot be for a task."""
    if (config.channels_in, config.channels_out) != (task.channels, task.channels):
        raise WeightsError(
            f"{model} takes {config.channels_in} and gives {config.channels_out} channels, "
            f"{task.name} needs {task.channels}"
        )
    enlarges = config.scales != (1,)
    if enlarges != task.enlarges:
        raise WeightsError(
            f"{model} {'enlarges' if enlarges else 'does not enlarge'}: it is not for {task.name}"
        )


def _program_for(weights: Weights, options: RestoreOptions) -> Program:
    if options.engine not in (None, "auto"):
        return get_program(options.engine)
    for program in PROGRAMS.values():
        if program.is_installed() and program.is_best(weights, options):
            return program
    return get_program("torch")


def _open_file(path: Path, options: RestoreOptions) -> tuple[Task, Engine]:
    """An exported network."""
    name = options.engine
    if path.suffix.lower() == ".mnn":
        name = "mnn"
    elif name in (None, "auto"):
        on_processor = name == "auto" and device_name(options.device) == "cpu"
        name = "openvino" if on_processor and get_program("openvino").is_installed() else "onnx"
    program = get_program(name)
    if program.open_graph is None:
        graphs = " or ".join(one.title for one in PROGRAMS.values() if one.open_graph is not None)
        raise ConfigError(f"{path} is for {graphs}: leave ", OptionRef("engine", name), " out")
    program.check(options)
    device = device_for(program, options)
    graph = program.open_graph(registry.content(path), options, device)
    info = info_of(graph.metadata, name=str(path))
    task = _task_of(path, info.task, info.config, None)
    check_suits(path, info.config, task)
    reopen = (_engine_of, (path, None, options))
    engine = GraphEngine(info, (info.scale,), lambda scale: graph, device=device, reopen=reopen)
    return task, engine


def _engine_of(model: str | Path, task: Tasks, options: RestoreOptions) -> Engine:
    return open_model(model, task, options)[1]


def _task_of(model: str | Path, named: str | None, config: RNANConfig, given: Tasks) -> Task:
    """The task that a file names, or else the one that was given."""
    if isinstance(given, str) and given in RESTORATIONS and given not in TASKS:
        tasks: Mapping[int, Task] = RESTORATIONS[given].tasks
        if named is not None and named not in [one.name for one in RESTORATIONS[given].all_tasks]:
            raise ConfigError(f"{model} is for {named}, not to {given}")
        given = tasks
    elif isinstance(given, str) and get_task(given).name != (named or given):
        raise ConfigError(f"{model} is for {named}, not for {given}")
    if isinstance(given, Mapping):
        given = given[1 if config.channels_in == 1 else 3].name
    name = named or given
    if name is None:
        ref = OptionRef("task", next(iter(TASKS)))
        raise WeightsError(f"{model} does not say what it is for; pass it, for example ", ref)
    if name not in TASKS:
        raise WeightsError(f"{model} is for the task {name!r}, which this version does not know")
    return get_task(name)
