"""Exported networks held against PyTorch: the exporter has been wrong in silence."""

import numpy as np
import torch

from rnan.degradations.mosaic import measured
from rnan.errors import WeightsError
from rnan.export.info import GraphInfo, info_of
from rnan.models.checkpoints import Checkpoint
from rnan.runtimes.graph import Graph
from rnan.runtimes.onnxruntime import OnnxRuntimeGraph
from rnan.tasks import Task

_SIZES = ((1, 64, 96), (2, 49, 50), (1, 33, 57), (1, 1, 3), (3, 101, 47))
"""Batches and sizes at which a graph is held against PyTorch: whole windows and parts, odd and
tiny."""
_CLOSE = {False: 1e-4, True: 2e-2}
"""How far an export may be from PyTorch, on pictures in [0, 1]; in 16 bits it is no test of
precision, only of right and wrong."""


def held_against_pytorch(content: bytes, checkpoint: Checkpoint, task: Task, *, name: str) -> float:
    """Run an ONNX file in ONNX Runtime beside the network that it was made from.

    Args:
        content: The file.
        checkpoint: What it was made from.
        task: What it is for.
        name: For messages.

    Returns:
        See :func:`largest_difference`.

    Raises:
        WeightsError: It gives something else.
        MissingExtraError: ONNX Runtime is not installed.
    """
    graph = OnnxRuntimeGraph(content)
    info = info_of(graph.metadata, name=name)
    difference = largest_difference(graph, info, checkpoint, task)
    if not difference <= _CLOSE[info.half]:
        raise WeightsError(f"{name} differs from PyTorch by {difference:.1g}: it was not written")
    return difference


def largest_difference(graph: Graph, info: GraphInfo, checkpoint: Checkpoint, task: Task) -> float:
    """How far an exported network is from PyTorch's at most, on random pictures of many sizes.

    Args:
        graph: The exported network, running.
        info: What it says of itself.
        checkpoint: What it was made from.
        task: What it is for.

    Returns:
        A difference of pictures in [0, 1].

    Raises:
        WeightsError: It gives another size, or cannot take one.
    """
    ours = checkpoint.build()
    ours.set_window(info.window)
    white = info.config.value_range
    random = torch.Generator().manual_seed(0)
    worst = 0.0
    for batch, height, width in _SIZES:
        picture = torch.rand(batch, info.config.channels_in, height, width, generator=random)
        if task.takes == "mosaic":
            picture *= torch.from_numpy(measured(height, width))
        given, level = [picture.numpy()], None
        if info.level is not None:
            level = torch.full((batch,), info.level / task.level_scale)
        elif info.takes_level:
            high = task.level_range[1] / task.level_scale
            level = high * torch.rand(batch, 1, height, width, generator=random)
            given.append(level.numpy())
        with torch.no_grad():
            expected = (ours(picture * white, level, info.scale) / white).numpy()
        output = graph(*given)
        if output.shape != expected.shape:
            raise WeightsError(f"the exported network gives {output.shape}, not {expected.shape}")
        worst = max(worst, float(np.abs(output - expected).max()))
    return worst
