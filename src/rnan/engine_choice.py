"""From the name of a model to what runs it: which program, with which settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from rnan.errors import ConfigError, WeightsError
from rnan.export.cache import exported
from rnan.export.onnx_file import can_export
from rnan.inference.device import choose_device, choose_dtype, has_bfloat16
from rnan.inference.engines import Engine
from rnan.inference.engines.graph import GraphEngine, info_of
from rnan.inference.engines.runtimes import (
    Graph,
    OnnxRuntimeGraph,
    OpenVinoGraph,
    has_openvino,
    usable_devices,
)
from rnan.inference.engines.torch import TorchEngine
from rnan.inference.options import RestoreOptions
from rnan.models import RNANConfig
from rnan.models.checkpoints import Checkpoint
from rnan.settings import nearest
from rnan.tasks import TASKS, Task, get_task
from rnan.weights import registry

Tasks = str | Mapping[int, str] | None
"""The task of a model whose file does not say it: one, or one for each number of channels."""


def open_model(model: str | Path, task: Tasks, settings: RestoreOptions) -> tuple[Task, Engine]:
    """Weights or an exported network, ready to run.

    Raises:
        WeightsError: They are missing, damaged, of another shape or of no known task, or do not
            suit it.
        ConfigError: A setting does not go with the program that runs them.
        MissingExtraError: That program is not installed.
    """
    if Path(model).suffix.lower() == ".onnx":
        return _from_file(Path(model), settings)
    checkpoint = registry.load(model)
    found = _task_of(model, checkpoint.info.get("task"), checkpoint.config, task)
    check_suits(model, checkpoint.config, found)
    program: str = settings.engine or "torch"
    if program == "auto":
        program = _fastest(checkpoint.config, settings)
    if program == "torch":
        return found, torch_engine(checkpoint, settings)
    _check_goes_with_graphs(settings)
    device = _device_of_graphs(program, settings)

    def content(scale: int) -> bytes:
        return exported(checkpoint, found, model=str(model), scale=scale)

    first = _open(content(checkpoint.config.scales[0]), program, settings, device)
    info = info_of(first.metadata, name=str(model))
    return found, GraphEngine(
        info,
        checkpoint.config.scales,
        lambda scale: (
            first if scale == info.scale else _open(content(scale), program, settings, device)
        ),
        device=device,
        anew=(_engine_of, (model, task, settings)),
    )


def check_settings(settings: RestoreOptions) -> None:
    """Refuse what no model can be opened with, before one is needed.

    Raises:
        ConfigError: The device is not there, or a setting does not go with the program.
    """
    choose_device(settings.device)
    if settings.engine not in (None, "torch"):
        _check_goes_with_graphs(settings)


def _fastest(config: RNANConfig, settings: RestoreOptions) -> str:
    """OpenVINO where it gives the same, in bfloat16 on a processor that has it, else PyTorch.

    In float32 OpenVINO is no faster (``docs/bench.md``).
    """
    device = choose_device(settings.device)
    windows = settings.attention == "window" or (
        settings.attention == "auto" and config.window is not None
    )
    ahead = (
        device.type == "cpu"
        and has_bfloat16(device)
        and choose_dtype(settings.dtype, device) == torch.bfloat16
    )
    suits = windows and ahead and not settings.compile
    return "openvino" if suits and has_openvino() and can_export() else "torch"


def torch_engine(checkpoint: Checkpoint, settings: RestoreOptions) -> TorchEngine:
    """PyTorch with the network in it.

    Raises:
        WeightsError: The tensors do not fit the network.
        ConfigError: The device is not there, or a setting does not suit the network.
    """
    device = choose_device(settings.device)
    return TorchEngine(
        checkpoint.build(),
        device=device,
        dtype=choose_dtype(settings.dtype, device),
        attention=settings.attention,
        compiled=settings.compile,
    )


def _from_file(path: Path, settings: RestoreOptions) -> tuple[Task, Engine]:
    _check_goes_with_graphs(settings)
    program: str = settings.engine or "onnx"
    if program == "torch":
        raise ConfigError(f"{path} is for ONNX Runtime or OpenVINO: leave --engine torch out")
    if program == "auto":
        on_processor = choose_device(settings.device).type == "cpu"
        program = "openvino" if on_processor and has_openvino() else "onnx"
    device = _device_of_graphs(program, settings)
    graph = _open(registry.content(path), program, settings, device)
    info = info_of(graph.metadata, name=str(path))
    task = _task_of(path, info.task, info.config, None)
    check_suits(path, info.config, task)
    anew = (_engine_of, (path, None, settings))
    return task, GraphEngine(info, (info.scale,), lambda scale: graph, device=device, anew=anew)


def _engine_of(model: str | Path, task: Tasks, settings: RestoreOptions) -> Engine:
    return open_model(model, task, settings)[1]


def _open(content: bytes, program: str, settings: RestoreOptions, device: torch.device) -> Graph:
    if program == "openvino":
        if device.type != "cpu":
            raise ConfigError(f"OpenVINO runs on the processor here, not on {device}")
        return OpenVinoGraph(content, choose_dtype(settings.dtype, device))
    if settings.dtype not in ("auto", "float32"):
        raise ConfigError(
            f"ONNX Runtime computes as the file says, not in {settings.dtype}; "
            "leave --dtype out, or export with --fp16"
        )
    return OnnxRuntimeGraph(content, device)


def _device_of_graphs(program: str, settings: RestoreOptions) -> torch.device:
    """Where a graph runs; left to itself, on a GPU only if the program can use it."""
    device = choose_device(settings.device)
    if settings.device == "auto" and device.type not in usable_devices(program):
        return torch.device("cpu")
    return device


def _check_goes_with_graphs(settings: RestoreOptions) -> None:
    if settings.attention not in ("auto", "window"):
        raise ConfigError(
            f"an exported network attends in windows, not {settings.attention}; take --engine torch"
        )
    if settings.compile:
        raise ConfigError("--compile is for PyTorch; leave it or --engine out")
    if settings.dtype == "float16" and settings.engine in ("openvino", "auto"):
        raise ConfigError("OpenVINO computes in float32 or bfloat16 here, not in float16")


def _task_of(model: str | Path, said: str | None, config: RNANConfig, given: Tasks) -> Task:
    if isinstance(given, str) and given not in TASKS:
        raise ConfigError(f"unknown task {given}{nearest(given, TASKS)}")
    if isinstance(given, str) and said not in (None, given):
        raise ConfigError(f"{model} is for {said}, not for {given}")
    if said is None and isinstance(given, Mapping):
        said = given[1 if config.channels_in == 1 else 3]
    name = said or given
    if name is None:
        raise WeightsError(
            f"{model} does not say what it is for; pass task=, for example {next(iter(TASKS))}"
        )
    if name not in TASKS:
        raise WeightsError(f"{model} is for the task {name!r}, which this version does not know")
    return get_task(str(name))


def check_suits(model: str | Path, config: RNANConfig, task: Task) -> None:
    """Refuse a network that cannot be for a task.

    Raises:
        WeightsError: Its channels or scales are others.
    """
    if (config.channels_in, config.channels_out) != (task.channels, task.channels):
        raise WeightsError(
            f"{model} takes {config.channels_in} and gives {config.channels_out} channels, "
            f"{task.name} needs {task.channels}"
        )
    enlarges = config.scales != (1,)
    if enlarges != (task.kind == "scale"):
        raise WeightsError(
            f"{model} {'enlarges' if enlarges else 'does not enlarge'}: it is not for {task.name}"
        )
