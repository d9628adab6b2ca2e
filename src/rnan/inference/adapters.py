"""Pictures of any kind to planes and back: PIL, numpy, tensors and our own ``Picture``."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rnan.degradations.resize import resize
from rnan.errors import InputError
from rnan.estimation import Traces
from rnan.images import Picture, from_float, to_float
from rnan.images.alpha import filled, split_alpha, visible
from rnan.images.colour import is_gray, one_channel

Array = NDArray[np.float32]

_BRIGHTEST = 4.0
"""Mean of a floating-point picture above which its white is not 1; lights may well be brighter."""


@dataclass(frozen=True)
class Planes:
    """Pictures as arrays ``(C, H, W)`` with white at 1, and the way back."""

    pictures: list[Array]
    clipped: bool
    """Whether values were limited to the range of integers."""
    eight_bit: bool
    """Whether those integers were of 8 bits."""
    back: Callable[[list[Array]], Any]
    """Restored planes to the kind, layout and depth that came in."""
    holds_colour: bool = True
    """Whether a gray picture may come back in colour."""
    jpeg_table: tuple[int, ...] | None = None
    """Luma quantisation table, where the picture was a JPEG file."""
    jpeg_grid: tuple[int, int] | None = None
    """Rows and columns before its first whole block, likewise."""
    visible: NDArray[np.bool_] | None = None
    """Which pixels are seen at all, ``(H, W)``; none for all."""

    def traces(self, plane: Array) -> Traces:
        """What one of the pictures went through."""
        return Traces(
            plane.transpose(1, 2, 0) * np.float32(255.0),
            clipped=self.clipped,
            visible=self.visible,
            jpeg_table=self.jpeg_table,
            jpeg_grid=self.jpeg_grid,
        )


def to_planes(picture: Any, *, mosaic: bool = False) -> Planes:
    """Accept PIL, numpy ``(H, W)``, ``(H, W, C)``, tensors ``(C, H, W)``, ``(N, C, H, W)``.

    A picture of three channels that say the same has one plane, and comes back with three.

    Raises:
        InputError: It is none of these, has no pixels, a channel too many, or holds values that
            are not finite or of another range.
    """
    if isinstance(picture, Picture):
        planes = _from_picture(picture)
    elif isinstance(picture, Image.Image):
        planes = _from_pil(picture)
    elif isinstance(picture, np.ndarray):
        planes = _from_numpy(picture)
    elif _is_tensor(picture):
        planes = _from_tensor(picture)
    else:
        raise InputError(f"cannot restore a {type(picture).__name__}; pass PIL, numpy or a tensor")
    for plane in planes.pictures:
        if min(plane.shape) < 1:
            raise InputError(f"a picture of shape {tuple(plane.shape)} has no pixels")
        if not np.isfinite(plane).all():
            raise InputError("the picture holds values that are not finite")
        mean = 0.0 if planes.clipped else float(np.abs(plane).mean())
        if not planes.clipped and mean > _BRIGHTEST:
            raise InputError(
                f"in floating point white is 1, but the mean of the picture is {mean:.4g}: divide "
                "it by its white (255, 65535), or pass whole numbers"
            )
    return planes if mosaic else _gray_apart(planes)


def _gray_apart(planes: Planes) -> Planes:
    """One plane for pictures that are gray though they have three channels."""
    step = 1.0 / 255.0 if planes.eight_bit else 0.0
    gray = [
        plane.shape[0] == 3 and is_gray(plane.transpose(1, 2, 0), step=step)
        for plane in planes.pictures
    ]
    if not any(gray):
        return planes
    pictures = [
        _one_plane(plane) if alike else plane
        for plane, alike in zip(planes.pictures, gray, strict=True)
    ]

    def back(restored: list[Array]) -> Any:
        return planes.back(
            [
                np.broadcast_to(plane, (3, *plane.shape[1:])) if alike else plane
                for plane, alike in zip(restored, gray, strict=True)
            ]
        )

    return replace(planes, pictures=pictures, back=back)


def _one_plane(plane: Array) -> Array:
    gray = one_channel(plane.transpose(1, 2, 0))
    return np.ascontiguousarray(gray.transpose(2, 0, 1))


def _from_picture(picture: Picture) -> Planes:
    def back(restored: list[Array]) -> Picture:
        pixels = _hwc(restored[0], picture.pixels.dtype)
        metadata = picture.metadata
        if pixels.shape[2] != picture.pixels.shape[2]:
            metadata = replace(metadata, icc=None)  # a profile for gray does not fit colour
        return Picture(pixels=pixels, alpha=_alpha_like(picture.alpha, pixels), metadata=metadata)

    clipped = picture.pixels.dtype.kind == "u"
    planes = [_chw(picture.pixels, picture.alpha)]
    metadata = picture.metadata
    return Planes(
        planes,
        clipped,
        picture.pixels.dtype == np.uint8,
        back,
        jpeg_table=metadata.jpeg_table,
        jpeg_grid=metadata.jpeg_grid,
        visible=visible(picture.alpha),
    )


def _from_pil(image: Image.Image) -> Planes:
    if image.mode == "CMYK" or image.mode in ("F", "I"):
        raise InputError(f"PIL pictures of mode {image.mode} are not taken; convert to RGB or L")
    try:
        image.load()  # a file that was only opened so far
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"the PIL picture cannot be read: {error}") from error
    if not image.mode.startswith("I;16"):
        opacity = "A" if image.has_transparency_data else ""
        mode = ("L" if image.mode in ("1", "L", "LA", "La") else "RGB") + opacity
        image = image if image.mode == mode else image.convert(mode)
    pixels, alpha = split_alpha(np.asarray(image))
    if pixels.dtype != np.uint8:
        pixels = pixels.astype(np.uint16)

    def back(restored: list[Array]) -> Image.Image:
        result = _with_alpha(_hwc(restored[0], pixels.dtype), alpha)
        out = Image.fromarray(np.squeeze(result, axis=2) if result.shape[2] == 1 else result)
        kept = ["dpi", "exif"]
        if result.shape[2] - (alpha is not None) == pixels.shape[2]:
            kept.append("icc_profile")  # a profile for gray does not fit colour
        out.info = {key: image.info[key] for key in kept if key in image.info}
        return out

    deep_gray = pixels.dtype == np.uint16 and pixels.shape[2] == 1  # PIL has no 16-bit RGB
    return Planes(
        [_chw(pixels, alpha)],
        True,
        pixels.dtype == np.uint8,
        back,
        holds_colour=not deep_gray,
        visible=visible(alpha),
    )


def _from_numpy(given: np.ndarray[Any, Any]) -> Planes:
    if isinstance(given, np.ma.MaskedArray):
        raise InputError("masked arrays are not taken; fill them first")
    array = np.asarray(given)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype not in (np.uint8, np.uint16, np.float16, np.float32, np.float64):
        raise InputError(
            f"arrays of {array.dtype} are not taken; pass uint8, uint16, or float in [0, 1]"
        )
    if array.ndim not in (2, 3):
        raise InputError(f"an array must be (H, W) or (H, W, C), got shape {array.shape}")
    pixels, alpha = split_alpha(array)

    def back(restored: list[Array]) -> np.ndarray[Any, Any]:
        result = _with_alpha(_hwc(restored[0], array.dtype), alpha)
        return result[:, :, 0] if array.ndim == 2 and result.shape[2] == 1 else result

    return Planes(
        [_chw(pixels, alpha)],
        array.dtype.kind == "u",
        array.dtype == np.uint8,
        back,
        visible=visible(alpha),
    )


def _is_tensor(picture: Any) -> bool:
    """Whether it is PyTorch's; it is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(picture, torch.Tensor)


def _from_tensor(tensor: Any) -> Planes:
    import torch

    eight_bit = tensor.dtype == torch.uint8
    if not (tensor.is_floating_point() or eight_bit):
        raise InputError(f"tensors of {tensor.dtype} are not taken; pass uint8, or float in [0, 1]")
    if tensor.layout != torch.strided or tensor.is_meta:
        raise InputError("sparse tensors and those without values are not taken")
    if tensor.ndim not in (3, 4) or tensor.shape[-3] not in (1, 3):
        raise InputError(
            f"a tensor must be (C, H, W) or (N, C, H, W) with 1 or 3 channels, "
            f"got shape {tuple(tensor.shape)}"
        )
    batch = tensor if tensor.ndim == 4 else tensor[None]
    if not len(batch):
        raise InputError("the batch holds no pictures")

    def back(restored: list[Array]) -> Any:
        values = np.stack(restored)
        whole = from_float(values, np.dtype(np.uint8)) if eight_bit else values
        result = torch.from_numpy(whole).to(tensor.device, tensor.dtype)
        return result if tensor.ndim == 4 else result[0]

    values = batch.detach().cpu().float()
    planes = (values / 255.0 if eight_bit else values).numpy()
    return Planes(list(planes), eight_bit, eight_bit, back)


def _alpha_like(
    alpha: np.ndarray[Any, Any] | None, pixels: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any] | None:
    """Opacity of the size that the restored picture has."""
    if alpha is None or alpha.shape == pixels.shape[:2]:
        return alpha
    resized = resize(alpha, *pixels.shape[:2])
    return resized.clip(0, 1) if alpha.dtype.kind == "f" else resized


def _with_alpha(
    pixels: np.ndarray[Any, Any], alpha: np.ndarray[Any, Any] | None
) -> np.ndarray[Any, Any]:
    fitting = _alpha_like(alpha, pixels)
    return pixels if fitting is None else np.concatenate((pixels, fitting[:, :, None]), axis=2)


def _chw(pixels: np.ndarray[Any, Any], alpha: np.ndarray[Any, Any] | None) -> Array:
    values = to_float(pixels)
    if alpha is not None:
        values = filled(values, alpha)
    return values.transpose(2, 0, 1).copy()


def _hwc(plane: Array, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    return from_float(np.ascontiguousarray(plane.transpose(1, 2, 0)), dtype)
