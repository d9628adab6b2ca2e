"""What of an XMP packet stays true of pixels that were turned, enlarged or taken from their file.

Namespaces and properties: Adobe, XMP Specification Part 2; Google, Photo Sphere XMP Metadata, Ultra
HDR Image Format, Motion photo format, Depthmap Metadata; Metadata Working Group, Guidelines 2.0.
"""

from collections.abc import Mapping
from typing import Any

from rnan.images.orientation import flipped, is_on_its_side
from rnan.images.xmp import DamagedXmpError, Name, changed

_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_XMP, _NOTE = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/xmp/note/"
_PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
_DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
_REGIONS = "http://www.metadataworkinggroup.com/schemas/regions/"
_MICROSOFT_REGIONS = "http://ns.microsoft.com/photo/1.2/"
_ORIENTATION: Name = (_TIFF, "Orientation")
_WIDTHS = {(_TIFF, "ImageWidth"), (_EXIF, "PixelXDimension")}
_HEIGHTS = {(_TIFF, "ImageLength"), (_EXIF, "PixelYDimension")}
_SUBJECT = {(_EXIF, "SubjectArea"), (_EXIF, "SubjectLocation")}
"""Lists of numbers, which EXIF has as well."""
_PARTS = {
    "http://ns.adobe.com/hdr-gain-map/1.0/": "Ultra HDR gain map",
    "http://ns.apple.com/HDRGainMap/1.0/": "HDR gain map",
    "http://ns.google.com/photos/1.0/container/": "",
    "http://ns.google.com/photos/1.0/container/item/": "",
    "http://ns.google.com/photos/1.0/depthmap/": "depth map",
    "http://ns.google.com/photos/1.0/image/": "second picture",
    "http://ns.google.com/photos/1.0/audio/": "sound",
    "http://ns.google.com/photos/dd/1.0/device/": "depth map",
    "http://ns.google.com/photos/dd/1.0/container/": "",
    "http://ns.google.com/photos/dd/1.0/item/": "",
}
"""Namespaces that speak of further parts of the file, and what those are called."""
_MOVING = ("MotionPhoto", "MicroVideo")
_CAMERA = "http://ns.google.com/photos/1.0/camera/"
_ACROSS = {
    "CroppedAreaImageWidthPixels",
    "FullPanoWidthPixels",
    "CroppedAreaLeftPixels",
    "LargestValidInteriorRectLeft",
    "LargestValidInteriorRectWidth",
}
_DOWN = {
    "CroppedAreaImageHeightPixels",
    "FullPanoHeightPixels",
    "CroppedAreaTopPixels",
    "LargestValidInteriorRectTop",
    "LargestValidInteriorRectHeight",
}


def orientation_of_xmp(xmp: Any) -> int:
    """How a picture was turned, 1 to 8; 1 where it has no entry."""
    orientation = 1

    def look(name: Name, text: str, inside: Name) -> str:
        nonlocal orientation
        if name == _ORIENTATION and text in tuple("12345678"):
            orientation = int(text)
        return text

    try:
        changed(_packet(xmp), look)
    except DamagedXmpError:
        return 1
    return orientation


def upright_xmp(xmp: Any, orientation: int = 1) -> tuple[bytes | None, tuple[str, ...]]:
    """A packet for pixels that stand upright and alone, and the names of what was cut from it."""
    if not xmp:
        return None, ()
    named: dict[str, None] = {}

    def rule(name: Name, text: str, inside: Name) -> str | None:
        space, local = name
        if name == _ORIENTATION:
            return "1" if text else text
        if space in _PARTS or (space == _CAMERA and local.startswith(_MOVING)):
            named[_PARTS.get(space, "video")] = None
            return None
        if name == (_XMP, "Thumbnails"):
            return None
        if name == (_NOTE, "HasExtendedXMP"):
            named["extended XMP"] = None
            return None
        if orientation != 1 and (space == _PANORAMA or name in _SUBJECT):
            named["panorama data" if space == _PANORAMA else ""] = None
            return None
        if orientation != 1 and space.startswith(_MICROSOFT_REGIONS):
            named["regions of faces"] = None
            return None
        return text

    def area(values: Mapping[str, float]) -> Mapping[str, float]:
        return _turned(values, orientation)

    try:
        packet = changed(_packet(xmp), rule, area if orientation != 1 else None)
    except DamagedXmpError:
        return None, ("damaged XMP",)
    return packet, tuple(name for name in named if name)


def xmp_for_size(xmp: bytes, size: tuple[int, int], before: tuple[int, int] | None) -> bytes:
    """The packet with the dimensions of pixels that were enlarged or turned."""
    height, width = size
    down, across = (now / then for now, then in zip(size, before or size, strict=True))

    def rule(name: Name, text: str, inside: Name) -> str | None:
        space, local = name
        if text and name in _WIDTHS:
            return str(width)
        if text and name in _HEIGHTS:
            return str(height)
        if text and space == _DIMENSIONS and inside == (_REGIONS, "AppliedToDimensions"):
            return {"w": str(width), "h": str(height)}.get(local, text)
        if (down, across) == (1.0, 1.0):
            return text
        if space == _PANORAMA and local in _ACROSS | _DOWN:
            return _times(text, across if local in _ACROSS else down)
        return None if name in _SUBJECT else text

    try:
        return changed(xmp, rule)
    except DamagedXmpError:
        return xmp


def _times(text: str, ratio: float) -> str:
    try:
        return str(round(float(text) * ratio))
    except (ValueError, OverflowError):
        return text


def _packet(xmp: Any) -> bytes:
    return xmp.encode("utf-8", "replace") if isinstance(xmp, str) else bytes(xmp or b"")


def _turned(values: Mapping[str, float], orientation: int) -> Mapping[str, float]:
    """An area, its middle and sides as shares of the picture, in the upright picture."""
    x, y, w, h = (values[name] for name in ("x", "y", "w", "h"))
    if is_on_its_side(orientation):
        x, y, w, h = y, x, h, w
    from_below, from_the_right = flipped(orientation)
    return {"x": 1 - x if from_the_right else x, "y": 1 - y if from_below else y, "w": w, "h": h}
