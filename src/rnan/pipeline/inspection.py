"""What a picture is and what it went through, in plain words, and what to do about it."""

import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnan.estimation import Traces
from rnan.estimation.camera_noise import VISIBLE
from rnan.estimation.mosaic import in_words, mosaic_pattern
from rnan.images import Picture, ReadOptions
from rnan.images.light import named
from rnan.inference.restorer import Prepared
from rnan.options.files import READ
from rnan.tasks.camera import CAMERA

CLEAN_QUALITY = 90
"""JPEGs of this quality and above hardly show it."""

_WITH_NOISE = 75
"""JPEGs of this quality and above are mended together with a camera's noise, whose network was
trained on them."""
_FINEST = 97
"""From this quality on a picture may as well never have been a JPEG: clean ones read so."""
_HIDE_NOISE = ("WEBP", "AVIF", "HEIF")
"""Formats whose compression leaves nothing by which noise could be measured; JPEG's does."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing that a picture needs."""

    restoration: str
    """``denoise``, ``dejpeg`` or ``demosaic``."""
    level: float | str
    """What is asked for: ``auto``, a quality, a pattern."""
    option: str = ""
    """The option of the command, where one has to be given."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found in a picture."""

    height: int
    width: int
    format: str
    """Format of the file; empty where there was no file."""
    depth: int
    """Bits a channel; 32 is floating point."""
    is_gray: bool
    has_alpha: bool
    profile: str
    """Name of the colour profile, or of the colours that the file says otherwise; empty where it
    says nothing."""
    sigma: float
    """Estimated noise, its standard deviation on the 0-255 scale."""
    of_camera: bool
    """Whether neighbouring pixels share it, as where a camera has processed it; else it is
    white."""
    quality: int
    """Quality of JPEG, in the file or estimated from the pixels; 100 without a trace."""
    is_jpeg: bool
    subsampling: str
    """Chroma subsampling of a JPEG file; empty where it is not known."""
    mosaic: str
    """Bayer pattern or patterns; empty for a picture."""

    @property
    def steps(self) -> list[Need]:
        """What to do, in order; nothing for a clean picture."""
        if self.mosaic:
            # Between two patterns nobody but the person can decide.
            level = "auto" if self._unclear else self.mosaic
            pattern = self.mosaic.split(" ")[0]
            return [Need(restoration="demosaic", level=level, option=f"--pattern {pattern}")]
        needs = []
        if self.quality < CLEAN_QUALITY and not (self.of_camera and self.quality >= _WITH_NOISE):
            option = "" if self.is_jpeg else f"--quality {self.quality:g}"
            needs.append(Need(restoration="dejpeg", level=float(self.quality), option=option))
        if self.sigma >= VISIBLE:
            # What the repair leaves of the noise cannot be measured, so it is measured before.
            sigma = round(min(self.sigma, 75.0), 1)
            after = bool(needs)
            option = f"--sigma {sigma:g}" if after else ""
            option += f" --model {CAMERA.name}" if after and self.of_camera else ""
            needs.append(
                Need(restoration="denoise", level=sigma if after else "auto", option=option)
            )
        return needs

    def sentences(self) -> list[str]:
        """The findings in plain words."""
        kind = "gray" if self.is_gray else "colour"
        depth = "floating point" if self.depth == 32 else f"{self.depth} bits a channel"
        alpha = ", with transparency" if self.has_alpha else ""
        file = f"{self.format} file, " if self.format else ""
        lines = [
            f"{file}{self.width} x {self.height} pixels "
            f"({self.width * self.height / 1e6:.1f} megapixels), {kind}, {depth}{alpha}",
            f"colour profile: {self.profile or 'none, taken for sRGB'}",
        ]
        if self.mosaic:
            lines.append(f"looks like the mosaic of a sensor, {in_words(self.mosaic)}")
            if self._unclear:
                lines.append("if red and blue come out exchanged, it is the other pattern")
            return lines
        if self.is_jpeg:
            chroma = f", chroma {self.subsampling}" if self.subsampling else ""
            lines.append(f"JPEG of quality {self.quality}{chroma}: {self._how_compressed()}")
        elif self.quality < 100:
            lines.append(
                f"was once a JPEG of quality about {self.quality}: {self._how_compressed()}"
            )
        lines.append(f"noise: {self._how_noisy()}")
        return lines

    def commands(self, path: Path, reading: ReadOptions = READ) -> list[str]:
        """What to type, for a file that was read in that way; nothing for a clean picture."""
        commands = []
        source = quoted(path)
        how = "" if reading.frame is None else f" --frame {reading.frame}"
        how += " --assume-cmyk" if reading.assume_cmyk else ""
        how += " --salvage" if reading.salvage else ""
        for index, need in enumerate(self.steps):
            target = shlex.quote(f"restored{'' if index == len(self.steps) - 1 else index + 1}.png")
            options = f" {need.option}" if need.option else ""
            commands.append(f"rnan {need.restoration} {source} -o {target}{options}{how}")
            source, how = target, ""
        return commands

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **asdict(self),
            "steps": [
                {"restoration": need.restoration, "level": need.level} for need in self.steps
            ],
        }

    @property
    def _unclear(self) -> bool:
        """Whether the mosaic may have two patterns."""
        return " " in self.mosaic

    def _how_compressed(self) -> str:
        if self.quality >= CLEAN_QUALITY:
            return "hardly visible"
        return "blocks and rings are visible" if self.quality < 50 else "some artefacts"

    def _how_noisy(self) -> str:
        if self.sigma < VISIBLE:
            words = f"none to speak of (sigma {self.sigma:.1f} of 255)"
            if self.format in _HIDE_NOISE or (self.quality < _FINEST and not self.is_jpeg):
                words += ", but compression hides it: where you see some, give a sigma of 15 or so"
            return words
        if self.of_camera:  # what neighbours share is seen more
            words = _strength(self.sigma, 3, 8)
            return f"{words}, as a camera leaves it (sigma {self.sigma:.1f} of 255)"
        words = _strength(self.sigma, 8, 25)
        hidden = " before it was compressed" if self.quality < CLEAN_QUALITY else ""
        return f"{words} (sigma {self.sigma:.1f} of 255{hidden})"


def _strength(sigma: float, visible: float, strong: float) -> str:
    return "little" if sigma < visible else "clearly visible" if sigma < strong else "strong"


def quoted(path: Path) -> str:
    """A path for a command line; what begins with a dash would be taken for an option."""
    return shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))


def other_harm(picture: Picture, restoration: str, prepared: Prepared) -> str:
    """What else harms a picture, and the command for it; empty where it is what was asked for."""
    level, traces = prepared.conditions[0].taken, prepared.looks[0].traces
    if not prepared.conditions[0].estimated or isinstance(level, str):
        return ""
    if restoration == "denoise" and np.max(level) < VISIBLE:
        quality = traces().quality if picture.pixels.dtype == np.uint8 else 100.0
        if quality < CLEAN_QUALITY:
            return f"hardly any noise, but a JPEG of quality {quality:.0f}: try rnan dejpeg"
    if restoration == "dejpeg" and np.min(level) >= CLEAN_QUALITY:
        sigma = traces().camera_sigma or traces().sigma
        if sigma >= VISIBLE:
            return f"hardly any JPEG, but noise of sigma {sigma:.0f}: try rnan denoise"
    return ""


def inspect(picture: Picture, found: Callable[[], Traces] | None = None) -> Findings:
    """Look at a picture.

    Args:
        picture: Any.
        found: What it went through, where somebody looks at that too.
    """
    metadata = picture.metadata
    mosaic = mosaic_pattern(picture.pixels) or ""
    traces = Traces.of(picture) if found is None else found()
    of_camera = not mosaic and traces.camera_sigma > 0.0
    is_jpeg = metadata.jpeg_table is not None
    looked_at = is_jpeg or not (mosaic or picture.pixels.dtype != "uint8")
    return Findings(
        height=picture.size[0],
        width=picture.size[1],
        format=metadata.format,
        depth=8 * picture.pixels.dtype.itemsize,
        is_gray=picture.looks_gray,
        has_alpha=picture.alpha is not None,
        profile=named(metadata),
        sigma=0.0 if mosaic else traces.camera_sigma if of_camera else traces.sigma,
        of_camera=of_camera,
        quality=round(traces.quality) if looked_at else 100,
        is_jpeg=is_jpeg,
        subsampling=metadata.jpeg_subsampling or "",
        mosaic=mosaic,
    )
