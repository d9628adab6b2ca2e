"""Exported networks that were made once and are wanted again."""

import contextlib
import hashlib
from pathlib import Path

from platformdirs import user_cache_path

from rnan import __version__
from rnan.errors import MissingExtraError, RnanError
from rnan.export.check import held_against_pytorch
from rnan.export.onnx_file import to_onnx
from rnan.images import write_whole
from rnan.models.checkpoints import Checkpoint
from rnan.tasks import Task
from rnan.weights import registry


def exported(checkpoint: Checkpoint, task: Task, *, model: str, scale: int) -> bytes:
    """The ONNX file of a network, from the user's cache where it is there.

    Raises:
        MissingExtraError: It has to be made, and ``onnx`` or ``onnxscript`` is not installed.
        WeightsError: What was made differs from PyTorch.
    """
    path = _place(registry.sha256(model), scale)
    with contextlib.suppress(OSError):
        content, _, digest = path.read_bytes().rpartition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() == digest:
            return content
    content = to_onnx(checkpoint, task, name=Path(model).stem, scale=scale)
    with contextlib.suppress(MissingExtraError):  # OpenVINO alone
        held_against_pytorch(content, checkpoint, task, name=model)
    with contextlib.suppress(RnanError):  # a folder that cannot be written costs time only
        write_whole(path, content + b"\n" + hashlib.sha256(content).hexdigest().encode())
    return content


def _place(weights_sha256: str, scale: int) -> Path:
    name = f"{weights_sha256[:32]}-x{scale}-{__version__}"
    return user_cache_path("rnan", appauthor=False) / "exported" / name
