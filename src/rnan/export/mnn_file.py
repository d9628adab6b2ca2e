"""A network as a graph for MNN, made of its ONNX graph."""

from rnan.errors import MissingExtraError, WeightsError
from rnan.export.check import largest_difference
from rnan.export.info import METADATA, info_of
from rnan.models.checkpoints import Checkpoint
from rnan.runtimes import mnn
from rnan.runtimes.mnn import MnnGraph
from rnan.tasks import Task

CLOSE = 2e-3
"""How far it may be from PyTorch on pictures in [0, 1]: its convolutions are Winograd's."""


def to_mnn(
    onnx: bytes, checkpoint: Checkpoint, task: Task, *, name: str, close: float = CLOSE
) -> tuple[bytes, float]:
    """Convert what :func:`rnan.export.to_onnx` made, and hold it against PyTorch.

    Args:
        onnx: The ONNX file.
        checkpoint: What it was made from.
        task: What it is for.
        name: For messages.
        close: How far it may be from PyTorch; untrained networks are further.

    Returns:
        The file, its weights in 16 bits, and its largest difference to PyTorch.

    Raises:
        WeightsError: It cannot be converted, or gives something else.
        MissingExtraError: MNN or ``onnx`` is not installed.
    """
    try:
        from onnx import load_from_string
    except ImportError as error:
        raise MissingExtraError("onnx", "onnx") from error
    said = {one.key: one.value for one in load_from_string(onnx).metadata_props}[METADATA]
    content = mnn.converted(onnx, said)
    metadata = mnn.metadata_of(content)
    info = info_of(metadata, name=name)
    inputs = ["input", task.level_name] if info.takes_level else ["input"]
    graph = MnnGraph(content, inputs, metadata)
    difference = largest_difference(graph, info, checkpoint, task)
    if not difference <= close:
        raise WeightsError(f"{name} differs from PyTorch by {difference:.1g}: it was not written")
    return content, difference
