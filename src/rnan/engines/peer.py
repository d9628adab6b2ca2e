"""Networks of others: an ONNX graph, or a checkpoint that spandrel can load.

They are measured on our protocols (``rnan evaluate --model peer:PATH``), cut into tiles and timed
like ours.
"""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnan.engines.engine import Array, BaseEngine
from rnan.errors import InputError, MissingExtraError, WeightsError
from rnan.runtimes.onnxruntime import OnnxRuntimeGraph

_LARGEST_TILE = 512
"""Side of the tiles, whatever the network."""
_BYTES_PER_PIXEL = 4 * 10 * 64
"""As for ten feature maps of 64 channels, since nobody says it."""
_MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
"""What the sides of a graph's pictures may have to be multiples of."""

Run = Callable[[Array, Array | None], Array]
"""``(B, C, H, W)`` and a map of the level to the restored pictures."""


class PeerEngine(BaseEngine):
    """Runs a network of others; see :class:`rnan.engines.Engine`.

    Args:
        run: What runs it.
        channels: Of its pictures.
        scale: How many times it enlarges.
        takes_level: Whether it is given the level, over the task's scale.
        multiple: What the sides of its pictures have to be multiples of; they are mirrored
            to that.
        whole: Whether the picture must not be cut.
        device: Where it runs.
    """

    attention = ""

    def __init__(
        self,
        run: Run,
        *,
        channels: int,
        scale: int = 1,
        takes_level: bool = False,
        multiple: int = 1,
        whole: bool = False,
        device: torch.device,
    ) -> None:
        self._run, self._multiple = run, multiple
        self.channels, self.takes_level = channels, takes_level
        self.scales: tuple[int, ...] = (scale,)
        self.device = str(device)
        self.grid = math.lcm(2, multiple)
        self.multiple = 1
        self.largest_tile: int | None = None if whole else _LARGEST_TILE
        self.bytes_per_pixel = _BYTES_PER_PIXEL

    def __call__(self, lq: Array, level: Array | None, scale: int) -> Array:
        height, width = lq.shape[-2:]
        if level is not None and level.ndim == 1:
            level = np.broadcast_to(level[:, None, None, None], (len(lq), 1, height, width))
        restored = self._run(
            _mirrored(lq, self._multiple),
            None if level is None else _mirrored(level, self._multiple),
        )[..., : height * scale, : width * scale]
        if restored.shape[-2:] != (height * scale, width * scale):
            raise WeightsError(f"the network makes {restored.shape} of {lq.shape}")
        if not np.isfinite(restored).all():
            raise WeightsError("the network gives values that are not finite")
        return restored


def open_peer(path: Path, device: torch.device) -> PeerEngine:
    """A network of others, ready to run.

    Raises:
        WeightsError: Neither ONNX Runtime nor spandrel can load it, or it is not from picture to
            picture.
        MissingExtraError: The one that could is not installed.
    """
    if not path.exists():
        raise WeightsError(f"{path} does not exist")
    return _graph(path, device) if path.suffix.lower() == ".onnx" else _spandrel(path, device)


def _graph(path: Path, device: torch.device) -> PeerEngine:
    try:
        graph = OnnxRuntimeGraph(path.read_bytes(), str(device))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    shapes = [shape for _, shape in graph.inputs]
    if not shapes or len(shapes) > 2 or any(len(shape) != 4 for shape in shapes):
        raise WeightsError(f"{path} takes {shapes}, not a picture (B, C, H, W) and perhaps a level")
    channels = shapes[0][1] or 3
    takes_level = len(shapes) == 2
    if channels not in (1, 3) or (takes_level and shapes[1][1] not in (1, None)):
        raise WeightsError(f"{path} takes {shapes}: pictures have 1 or 3 channels, levels one")
    if shapes[0][2] is not None or shapes[0][3] is not None:
        raise WeightsError(f"{path} takes pictures of one size only; export it with dynamic axes")

    def run(lq: Array, level: Array | None) -> Array:
        return graph(*(np.ascontiguousarray(one) for one in (lq, level) if one is not None))

    multiple, scale = _found_out(run, channels, takes_level, path)
    return PeerEngine(
        run,
        channels=channels,
        scale=scale,
        takes_level=takes_level,
        multiple=multiple,
        device=device,
    )


def _found_out(run: Run, channels: int, takes_level: bool, path: Path) -> tuple[int, int]:
    """What sides must be multiples of, and the enlargement, by trying."""
    refusal: WeightsError | None = None
    for multiple in _MULTIPLES:
        # Sides of which the next larger multiple is none.
        height, width = (multiple * (64 // multiple + more) for more in (1, 3))
        picture = np.zeros((1, channels, height, width), np.float32)
        level = np.zeros((1, 1, height, width), np.float32) if takes_level else None
        try:
            made = run(picture, level)
        except WeightsError as error:
            refusal = error
            continue
        scale = made.shape[-1] // width if made.ndim == 4 else 0
        if scale and made.shape[-2:] == (height * scale, width * scale):
            return multiple, scale
    raise refusal or WeightsError(f"{path} does not make pictures of pictures")


def _spandrel(path: Path, device: torch.device) -> PeerEngine:
    spandrel = import_spandrel()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network: Any = spandrel.ModelLoader(device).load_from_file(path)
    except Exception as error:  # unknown networks and broken files, in many classes
        message = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise WeightsError(f"spandrel cannot load {path}: {message[:160]}") from error
    if not isinstance(network, spandrel.ImageModelDescriptor):
        raise WeightsError(
            f"{path} is a network for {network.purpose}, not from picture to picture"
        )
    network.eval()

    @torch.inference_mode()
    def run(lq: Array, level: Array | None) -> Array:
        restored: Tensor = network(torch.from_numpy(np.ascontiguousarray(lq)).to(device))
        result: Array = restored.float().cpu().numpy()
        return result

    if network.input_channels not in (1, 3):
        raise InputError(f"{path} takes pictures of {network.input_channels} channels")
    return PeerEngine(
        run,
        channels=network.input_channels,
        scale=network.scale,
        whole=network.tiling == spandrel.ModelTiling.INTERNAL,
        device=device,
    )


def import_spandrel() -> Any:
    """The library that knows other people's networks.

    Raises:
        MissingExtraError: It, or the torchvision that it imports, is not there.
    """
    try:
        try:
            import torchvision  # noqa: F401
        except RuntimeError:  # its build for CUDA, beside torch for the processor
            _declare_operators()
        import spandrel
    except ImportError as error:
        raise MissingExtraError("spandrel", "spandrel") from error
    return spandrel


_OPERATORS = (
    "nms",
    "qnms",
    "roi_align",
    "roi_pool",
    "ps_roi_align",
    "ps_roi_pool",
    "deform_conv2d",
)
_declared: list[torch.library.Library] = []


def _declare_operators() -> None:
    """Name the operators of torchvision's compiled half, which does not load here.

    It imports then. They are for detecting objects: a network that does call one fails when it
    does.
    """
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in (*_OPERATORS, *(f"_{name}_backward" for name in _OPERATORS)):
        library.define(f"{name}(Tensor x) -> Tensor")  # type: ignore[no-untyped-call]
    _declared.append(library)  # they go with it


def _mirrored(x: Array, multiple: int) -> Array:
    bottom, right = -x.shape[-2] % multiple, -x.shape[-1] % multiple
    if not bottom and not right:
        return x
    fits = bottom < x.shape[-2] and right < x.shape[-1]
    pads = ((0, 0), (0, 0), (0, bottom), (0, right))
    return np.pad(x, pads, mode="reflect" if fits else "edge")
