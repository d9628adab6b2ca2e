"""MNN, on the processor: the smallest and, without bfloat16, the fastest of the programs."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnan.errors import MissingExtraError, WeightsError
from rnan.runtimes.graph import Array, run_error
from rnan.runtimes.threads import threads

MARK = b"rnan-graph:"
"""Before the JSON that a file says of itself; it stands where MNN keeps its \"bizCode\"."""

KEY = "rnan"
"""Name of it among the metadata, as in an ONNX file."""
_LONGEST = 2**16
_SETTLED = 48
"""Side of what a graph runs first. How its convolutions are computed is chosen then, once and for
all, by that size (MNN 3.6.1): the bits of a picture would depend on the one before it."""

_SAID = threading.Lock()


class MnnGraph:
    """A graph in MNN; calls from several threads wait for each other.

    Args:
        content: The file.
        inputs: Names of its inputs, in order.
        metadata: What it says of itself.

    Raises:
        MissingExtraError: MNN is not installed.
        WeightsError: The file is damaged.
    """

    def __init__(self, content: bytes, inputs: list[str], metadata: dict[str, str]) -> None:
        self.metadata = metadata
        self.inputs: list[tuple[str, list[int | None]]] = [(name, [None] * 4) for name in inputs]
        self._lock = threading.Lock()
        self._threads = threads()
        self._is_settled = False
        with _quietly():
            try:
                expr, nn = (importlib.import_module(f"MNN.{part}") for part in ("expr", "nn"))
            except ImportError as error:
                raise MissingExtraError("MNN") from error
            self._expr = expr
            settings = {"backend": "CPU", "precision": "high", "numThread": self._threads}
            self._runtime = nn.create_runtime_manager((settings,))
            with _as_file(content) as path:
                try:
                    self._network = nn.load_module_from_file(
                        path, inputs, ["output"], runtime_manager=self._runtime
                    )
                except Exception as error:  # its errors have no common base
                    raise WeightsError("no graph of MNN, or damaged") from error

    def __call__(self, *arrays: Array) -> Array:
        """See :class:`rnan.runtimes.graph.Graph`."""
        with self._lock:
            try:
                if not self._is_settled:
                    side = (_SETTLED, _SETTLED)
                    self._run([np.zeros((1, one.shape[1], *side), np.float32) for one in arrays])
                    self._is_settled = True
                restored = self._run(arrays)
            except Exception as error:  # its errors have no common base
                raise run_error("MNN", error) from error
        # What goes wrong inside comes back as nothing, not as an error.
        if restored.ndim != 4 or restored.shape[0] != arrays[0].shape[0]:
            raise MemoryError("MNN gave nothing back")
        return restored

    def _run(self, arrays: Sequence[Array]) -> Array:
        given = [self._expr.const(one, one.shape, self._expr.NCHW) for one in arrays]
        outputs = self._network.onForward(given)
        return np.array(outputs[0].read() if outputs else [], np.float32)


def metadata_of(content: bytes) -> dict[str, str]:
    """What a file says of itself; nothing for one that is not ours."""
    at = content.rfind(MARK)
    if at < 0:
        return {}
    text = content[at + len(MARK) : at + len(MARK) + _LONGEST].decode("utf-8", "replace")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return {}
    return {KEY: text[:end]}


def is_installed() -> bool:
    """Whether MNN is there."""
    return importlib.util.find_spec("MNN") is not None


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what MNN writes past Python; a picture may be going to the standard output."""
    with _SAID, contextlib.ExitStack() as stack:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        stack.callback(os.close, nowhere)
        for descriptor in (1, 2):
            with contextlib.suppress(OSError):  # there is none
                kept = os.dup(descriptor)
                stack.callback(os.close, kept)
                stack.callback(os.dup2, kept, descriptor)
                os.dup2(nowhere, descriptor)
        try:
            yield
        finally:
            with contextlib.suppress(OSError, AttributeError, TypeError):  # Windows
                ctypes.CDLL(None).fflush(None)  # C keeps what was written until later


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """MNN reads files alone."""
    with tempfile.TemporaryDirectory(prefix="rnan-") as folder:
        path = Path(folder) / "graph.mnn"
        path.write_bytes(content)
        yield str(path)


def converted(onnx: bytes, said: str) -> bytes:
    """An ONNX graph as MNN's, its weights in 16 bits; by MNN's own converter.

    Args:
        onnx: The file.
        said: JSON that the result says of itself, see :data:`MARK`.

    Raises:
        MissingExtraError: MNN is not installed.
        WeightsError: It cannot be converted.
    """
    with tempfile.TemporaryDirectory(prefix="rnan-") as folder, _quietly():
        try:
            # Its Python wrapper installs a package and reports to its makers; this does neither.
            tools: Any = importlib.import_module("_tools")
        except ImportError as error:
            raise MissingExtraError("MNN") from error
        source, target = Path(folder) / "graph.onnx", Path(folder) / "graph.mnn"
        source.write_bytes(onnx)
        words = ["-f", "ONNX", "--modelFile", str(source), "--MNNModel", str(target), "--fp16"]
        tools.mnnconvert(["rnan", *words, "--bizCode", MARK.decode() + said])
        if not target.exists():
            raise WeightsError("MNN cannot convert it")
        return target.read_bytes()
