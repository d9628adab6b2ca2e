"""The programs that run networks, one record each; others can be added."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rnan.engines.device import choose_device, choose_dtype, has_bfloat16
from rnan.engines.engine import Engine
from rnan.engines.graph import GraphEngine
from rnan.engines.torch import torch_engine
from rnan.errors import ConfigError, OptionRef
from rnan.export.cache import exported
from rnan.export.info import info_of
from rnan.models.checkpoints import Checkpoint
from rnan.options.mapping import nearest
from rnan.options.restoring import RestoreOptions
from rnan.runtimes import onnxruntime, openvino
from rnan.runtimes.graph import Graph
from rnan.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A network that is to be run."""

    model: str | Path
    """Its name or file."""
    checkpoint: Checkpoint
    task: Task


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
    is_faster: Callable[[Checkpoint, RestoreOptions], bool] = lambda checkpoint, options: False
    """Whether ``engine="auto"`` takes it before PyTorch, for a network and options."""
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
    device = choose_device(options.device)
    if options.device == "auto" and device.type not in program.usable_devices():
        return "cpu"
    return str(device)


def _open_exported(
    program: str, open_graph: OpenGraph
) -> Callable[[Weights, RestoreOptions, Reopen], Engine]:
    """How a program that runs graphs opens weights: they are exported, once."""

    def open_weights(weights: Weights, options: RestoreOptions, reopen: Reopen) -> Engine:
        checkpoint, model = weights.checkpoint, str(weights.model)
        device = device_for(get_program(program), options)

        def graph_of(scale: int) -> Graph:
            content = exported(checkpoint, weights.task, model=model, scale=scale)
            return open_graph(content, options, device)

        first = graph_of(checkpoint.config.scales[0])
        info = info_of(first.metadata, name=model)
        return GraphEngine(
            info,
            checkpoint.config.scales,
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
    kind = str(choose_dtype(options.dtype, choose_device("cpu"))).removeprefix("torch.")
    return openvino.OpenVinoGraph(content, kind)


def _openvino_is_faster(checkpoint: Checkpoint, options: RestoreOptions) -> bool:
    """In bfloat16 on a processor that has it, it gives the same sooner (``docs/bench.md``)."""
    device = choose_device(options.device)
    windows = options.attention == "window" or (
        options.attention == "auto" and checkpoint.config.window is not None
    )
    kind = str(choose_dtype(options.dtype, device))
    in_bfloat16 = device.type == "cpu" and has_bfloat16(device) and kind == "torch.bfloat16"
    return windows and in_bfloat16 and not options.compile


register(
    Program(
        name="openvino",
        title="OpenVINO",
        check=_check_openvino,
        open_weights=_open_exported("openvino", _open_openvino),
        open_graph=_open_openvino,
        is_faster=_openvino_is_faster,
        is_installed=openvino.is_installed,
    )
)
register(
    Program(
        name="onnx",
        title="ONNX Runtime",
        check=_check_graphs,
        open_weights=_open_exported("onnx", _open_onnx_runtime),
        open_graph=_open_onnx_runtime,
        usable_devices=onnxruntime.usable_devices,
        is_installed=onnxruntime.is_installed,
    )
)
register(
    Program(
        name="torch",
        title="PyTorch",
        check=lambda options: None,
        open_weights=lambda weights, options, reopen: torch_engine(weights.checkpoint, options),
        usable_devices=lambda: {"cpu", "cuda", "mps"},
    )
)
