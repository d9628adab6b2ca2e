"""The programs that run networks, one record each; others can be added."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnan.engines.device import has_torch, processor_has_bfloat16
from rnan.engines.engine import Engine
from rnan.engines.graph import GraphEngine
from rnan.engines.where import device_name
from rnan.errors import ConfigError, MissingExtraError, OptionRef, WeightsError
from rnan.export.info import info_of
from rnan.models.header import Header
from rnan.options.mapping import nearest
from rnan.options.restoring import RestoreOptions
from rnan.runtimes import mnn, onnxruntime, openvino
from rnan.runtimes.graph import Graph
from rnan.tasks import Task, get_task
from rnan.weights import registry

if TYPE_CHECKING:
    from rnan.models.checkpoints import Checkpoint


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A network that is to be run."""

    model: str | Path
    """Its name or file."""
    header: Header
    task: Task

    @property
    def checkpoint(self) -> Checkpoint:
        """With its tensors.

        Raises:
            MissingExtraError: PyTorch is not installed.
        """
        return registry.load(self.model)

    def graph(self, scale: int) -> bytes | None:
        """MNN's file of it, where there is one."""
        content = registry.graph(self.model, scale)
        metadata = {} if content is None else mnn.metadata_of(content)
        if not metadata:
            return None
        info = info_of(metadata, name=str(self.model))
        made_of = (info.weights_sha256, info.scale, info.level)
        return content if made_of == (registry.sha256(self.model), scale, None) else None


OpenGraph = Callable[[bytes, RestoreOptions, str], Graph]
"""The content of an ONNX file, options and a device to a graph that runs."""


Reopen = tuple[Callable[..., Engine], tuple[object, ...]]
"""A function that opens the same engine in another process, and its arguments."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that runs networks."""

    name: str
    """What ``engine=`` calls it."""
    title: str
    """What people call it."""
    check: Callable[[RestoreOptions], None]
    """Raises ``ConfigError`` for options that do not go with it."""
    open_weights: Callable[[Weights, RestoreOptions, Reopen], Engine]
    """A network, ready to run; ``Reopen`` is for engines that cannot be sent to other processes."""
    open_graph: OpenGraph | None = None
    """Opens an ONNX file; none where it runs none."""
    usable_devices: Callable[[], set[str]] = lambda: {"cpu"}
    """Kinds of devices that it can use here."""
    is_best: Callable[[Weights, RestoreOptions], bool] = lambda weights, options: False
    """Whether it is what ``engine="auto"`` takes here, for a network and options."""
    is_installed: Callable[[], bool] = lambda: True


PROGRAMS: dict[str, Program] = {}
"""By name, in the order in which ``engine="auto"`` asks them."""


def register(program: Program) -> None:
    """Add a program, or replace the one of its name."""
    PROGRAMS[program.name] = program


def get_program(name: str) -> Program:
    """The program of that name."""
    if name not in PROGRAMS:
        known = ", ".join(("auto", *PROGRAMS))
        near = nearest(name, PROGRAMS)
        raise ConfigError(
            OptionRef("engine"), f" must be one of {known}, got {name!r}{near}", value=name
        )
    return PROGRAMS[name]


def device_for(program: Program, options: RestoreOptions) -> str:
    """Where a program runs; left to itself, on a GPU only if it can use it."""
    device = device_name(options.device)
    kind = device.partition(":")[0]
    if options.device == "auto" and kind not in program.usable_devices():
        return "cpu"
    return device


def _open_exported(
    program: str, open_graph: OpenGraph, content_of: Callable[[Weights, int], bytes]
) -> Callable[[Weights, RestoreOptions, Reopen], Engine]:
    """How a program that runs graphs opens weights: by what they became as a graph."""

    def open_weights(weights: Weights, options: RestoreOptions, reopen: Reopen) -> Engine:
        model, scales = str(weights.model), weights.header.config.scales
        device = device_for(get_program(program), options)

        def graph_of(scale: int) -> Graph:
            content = content_of(weights, scale)
            return open_graph(content, options, device)

        first = graph_of(scales[0])
        info = info_of(first.metadata, name=model)
        return GraphEngine(
            info,
            scales,
            lambda scale: first if scale == info.scale else graph_of(scale),
            device=device,
            reopen=reopen,
        )

    return open_weights


def _check_graphs(options: RestoreOptions) -> None:
    """What no program that runs graphs can do."""
    if options.attention not in ("auto", "window"):
        raise ConfigError(
            f"an exported network attends in windows, not {options.attention}; take ",
            OptionRef("engine", "torch"),
        )
    if options.compile:
        compiled, engine = OptionRef("compile", True), OptionRef("engine")
        raise ConfigError(compiled, " is for PyTorch; leave it or ", engine, " out")


def _open_onnx_runtime(content: bytes, options: RestoreOptions, device: str) -> Graph:
    if options.dtype not in ("auto", "float32"):
        raise ConfigError(
            f"ONNX Runtime computes as the file says, not in {options.dtype}; leave ",
            OptionRef("dtype"),
            " out, or export with rnan export --fp16",
        )
    return onnxruntime.OnnxRuntimeGraph(content, device)


def _check_openvino(options: RestoreOptions) -> None:
    _check_graphs(options)
    if options.dtype == "float16":
        raise ConfigError("OpenVINO computes in float32 or bfloat16 here, not in float16")


def _open_openvino(content: bytes, options: RestoreOptions, device: str) -> Graph:
    if device != "cpu":
        raise ConfigError(f"OpenVINO runs on the processor here, not on {device}")
    if options.dtype == "auto":
        kind = "bfloat16" if processor_has_bfloat16() else "float32"
    else:
        kind = options.dtype
    return openvino.OpenVinoGraph(content, kind)


def _exported(weights: Weights, scale: int) -> bytes:
    """ONNX, exported once."""
    checkpoint = weights.checkpoint
    from rnan.export.cache import exported

    return exported(checkpoint, weights.task, model=str(weights.model), scale=scale)


def _derived(weights: Weights, scale: int) -> bytes:
    """MNN's file, which lies beside the weights."""
    content = weights.graph(scale)
    if content is None:
        raise WeightsError(
            f"there is no graph for MNN of {weights.model}; rnan export {weights.model} -o "
            f"{Path(str(weights.model)).stem}.mnn makes one"
        )
    return content


def _check_mnn(options: RestoreOptions) -> None:
    _check_graphs(options)
    if options.dtype not in ("auto", "float32"):
        raise ConfigError(f"MNN computes in float32 here, not in {options.dtype}")


def _open_mnn(content: bytes, options: RestoreOptions, device: str) -> Graph:
    if device != "cpu":
        raise ConfigError(f"MNN runs on the processor here, not on {device}")
    metadata = mnn.metadata_of(content)
    if not metadata:
        raise WeightsError("no graph that rnan export wrote for MNN, or damaged")
    info = info_of(metadata, name="the graph for MNN")
    level = [get_task(info.task).level_name] if info.takes_level else []
    return mnn.MnnGraph(content, ["input", *level], metadata)


def _check_torch(options: RestoreOptions) -> None:
    if not has_torch():
        raise MissingExtraError("torch", "torch")


def _open_torch(weights: Weights, options: RestoreOptions, reopen: Reopen) -> Engine:
    from rnan.engines.torch import torch_engine

    return torch_engine(weights.checkpoint, options)


def _in_windows(weights: Weights, options: RestoreOptions) -> bool:
    return options.attention == "window" or (
        options.attention == "auto" and weights.header.config.window is not None
    )


def _on_processor(options: RestoreOptions) -> bool:
    return device_name(options.device) == "cpu" and not options.compile


def _in_bfloat16(options: RestoreOptions) -> bool:
    """Whether networks are computed in bfloat16, at more than twice the speed."""
    return options.dtype == "bfloat16" or (options.dtype == "auto" and processor_has_bfloat16())


def _openvino_is_best(weights: Weights, options: RestoreOptions) -> bool:
    """In bfloat16 on a processor that has it, it gives the same sooner (``docs/bench.md``).

    Only where somebody asks for the fastest: it has to export a network first.
    """
    can_export = all(importlib.util.find_spec(name) for name in ("torch", "onnx", "onnxscript"))
    return (
        options.engine == "auto"
        and can_export
        and processor_has_bfloat16()
        and _in_bfloat16(options)
        and _on_processor(options)
        and _in_windows(weights, options)
    )


def _mnn_is_best(weights: Weights, options: RestoreOptions) -> bool:
    """On a processor without bfloat16, or where PyTorch is not installed."""
    return (
        options.dtype in ("auto", "float32")
        and not (_in_bfloat16(options) and has_torch())
        and _on_processor(options)
        and _in_windows(weights, options)
        and weights.graph(weights.header.config.scales[0]) is not None
    )


register(
    Program(
        name="openvino",
        title="OpenVINO",
        check=_check_openvino,
        open_weights=_open_exported("openvino", _open_openvino, _exported),
        open_graph=_open_openvino,
        is_best=_openvino_is_best,
        is_installed=openvino.is_installed,
    )
)
register(
    Program(
        name="mnn",
        title="MNN",
        check=_check_mnn,
        open_weights=_open_exported("mnn", _open_mnn, _derived),
        open_graph=_open_mnn,
        is_best=_mnn_is_best,
        is_installed=mnn.is_installed,
    )
)
register(
    Program(
        name="onnx",
        title="ONNX Runtime",
        check=_check_graphs,
        open_weights=_open_exported("onnx", _open_onnx_runtime, _exported),
        open_graph=_open_onnx_runtime,
        usable_devices=onnxruntime.usable_devices,
        is_installed=onnxruntime.is_installed,
    )
)
register(
    Program(
        name="torch",
        title="PyTorch",
        check=_check_torch,
        open_weights=_open_torch,
        usable_devices=lambda: {"cpu", "cuda", "mps"},
        is_installed=has_torch,
    )
)
