"""What a picture is and what it went through, in plain words, and what to do about it."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnan.estimation import Traces
from rnan.estimation.mosaic import in_words, mosaic_pattern
from rnan.images import Picture, ReadOptions
from rnan.images.light import named
from rnan.images.options import READ
from rnan.inference.conditions import LevelLike

CLEAN_SIGMA = 2.0
"""Noise below this σ is hard to see and left alone."""

CLEAN_QUALITY = 90
"""JPEGs of this quality and above hardly show it."""

_FINEST = 97
"""From this quality on a picture may as well never have been a JPEG: clean ones read so."""

_HIDE_NOISE = ("WEBP", "AVIF", "HEIF")
"""Formats whose compression leaves nothing by which noise could be measured; JPEG's does."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to do."""

    restoration: str
    """``denoise``, ``dejpeg`` or ``demosaic``."""
    level: float | str
    """What the command is told: ``auto``, a quality, a pattern."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was found in a picture."""

    height: int
    width: int
    format: str
    """Of the file; empty where it was none."""
    depth: int
    """Bits a channel; 32 is floating point."""
    is_gray: bool
    has_alpha: bool
    profile: str
    """Name of the colour profile, or of the colours that the file says otherwise; empty where it
    says nothing."""
    sigma: float
    """Estimated noise, on the 0-255 scale."""
    quality: int
    """Of JPEG, in the file or estimated from the pixels; 100 where there is no trace of it."""
    is_jpeg: bool
    subsampling: str
    """Of the chroma of a JPEG file; empty where it is not known."""
    mosaic: str
    """Bayer pattern or patterns; empty for a picture."""

    @property
    def steps(self) -> list[Step]:
        """What to do, in order; nothing for a clean picture."""
        if self.mosaic:
            # Between two patterns nobody but the person can decide.
            return [Step(restoration="demosaic", level="auto" if self._unclear else self.mosaic)]
        steps = []
        if self.quality < CLEAN_QUALITY:
            steps.append(Step(restoration="dejpeg", level=float(self.quality)))
        if self.sigma >= CLEAN_SIGMA:
            # What the repair leaves of the noise cannot be measured, so it is measured before.
            level = round(min(self.sigma, 75.0), 1) if steps else "auto"
            steps.append(Step(restoration="denoise", level=level))
        return steps

    def sentences(self) -> list[str]:
        """The findings in plain words."""
        kind = "gray" if self.is_gray else "colour"
        depth = "floating point" if self.depth == 32 else f"{self.depth} bits a channel"
        alpha = ", with transparency" if self.has_alpha else ""
        file = f"{self.format} file, " if self.format else ""
        said = [
            f"{file}{self.width} x {self.height} pixels "
            f"({self.width * self.height / 1e6:.1f} megapixels), {kind}, {depth}{alpha}",
            f"colour profile: {self.profile or 'none, taken for sRGB'}",
        ]
        if self.mosaic:
            said.append(f"looks like the mosaic of a sensor, {in_words(self.mosaic)}")
            if self._unclear:
                said.append("if red and blue come out exchanged, it is the other pattern")
            return said
        if self.is_jpeg:
            chroma = f", chroma {self.subsampling}" if self.subsampling else ""
            said.append(f"JPEG of quality {self.quality}{chroma}: {self._how_compressed()}")
        elif self.quality < 100:
            said.append(
                f"was once a JPEG of quality about {self.quality}: {self._how_compressed()}"
            )
        said.append(f"noise: {self._how_noisy()}")
        return said

    def commands(self, path: Path, reading: ReadOptions = READ) -> list[str]:
        """What to type, for a file that was read in that way; nothing for a clean picture."""
        commands = []
        # What begins with a dash would be taken for an option.
        source = shlex.quote(f"./{path}" if str(path).startswith("-") else str(path))
        how = "" if reading.frame is None else f" --frame {reading.frame}"
        how += " --assume-cmyk" if reading.assume_cmyk else ""
        how += " --salvage" if reading.salvage else ""
        for index, step in enumerate(self.steps):
            target = shlex.quote(f"restored{'' if index == len(self.steps) - 1 else index + 1}.png")
            told = ""
            if step.restoration == "demosaic":
                told = f" --pattern {self.mosaic.split(' ')[0]}"
            elif step.restoration == "dejpeg" and not self.is_jpeg:
                told = f" --quality {step.level:g}"
            elif step.level != "auto" and step.restoration == "denoise":
                told = f" --sigma {step.level:g}"
            commands.append(f"rnan {step.restoration} {source} -o {target}{told}{how}")
            source, how = target, ""
        return commands

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "steps": [asdict(step) for step in self.steps]}

    @property
    def _unclear(self) -> bool:
        """Whether the mosaic may have two patterns."""
        return " " in self.mosaic

    def _how_compressed(self) -> str:
        if self.quality >= CLEAN_QUALITY:
            return "hardly visible"
        return "blocks and rings are visible" if self.quality < 50 else "some artefacts"

    def _how_noisy(self) -> str:
        if self.sigma < CLEAN_SIGMA:
            said = f"none to speak of (sigma {self.sigma:.1f} of 255)"
            if self.format in _HIDE_NOISE or (self.quality < _FINEST and not self.is_jpeg):
                said += ", but compression hides it: where you see some, give a sigma of 15 or so"
            return said
        words = "little" if self.sigma < 8 else "clearly visible" if self.sigma < 25 else "strong"
        hidden = " before it was compressed" if self.quality < CLEAN_QUALITY else ""
        return f"{words} (sigma {self.sigma:.1f} of 255{hidden})"


def what_else_would_help(picture: Picture, restoration: str, level: LevelLike) -> str:
    """The command for what harms a picture, where that is not what was asked for; or nothing.

    Args:
        picture: As it was read.
        restoration: What was asked for: ``denoise`` or ``dejpeg``.
        level: What was found for it.
    """
    if isinstance(level, str):
        return ""
    traces = Traces.of(picture)
    if restoration == "denoise" and np.max(level) < CLEAN_SIGMA:
        compressed = picture.pixels.dtype == np.uint8 and traces.quality < CLEAN_QUALITY
        if compressed:
            return f"hardly any noise, but a JPEG of quality {traces.quality:.0f}: try rnan dejpeg"
    if restoration == "dejpeg" and np.min(level) >= CLEAN_QUALITY and traces.sigma >= CLEAN_SIGMA:
        return f"hardly any JPEG, but noise of sigma {traces.sigma:.0f}: try rnan denoise"
    return ""


def inspect(picture: Picture) -> Findings:
    """Look at a picture.

    Args:
        picture: As :func:`rnan.images.read` gives it.
    """
    metadata = picture.metadata
    mosaic = mosaic_pattern(picture.pixels) or ""
    traces = Traces.of(picture)
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
        sigma=0.0 if mosaic else traces.sigma,
        quality=round(traces.quality) if looked_at else 100,
        is_jpeg=is_jpeg,
        subsampling=metadata.jpeg_subsampling or "",
        mosaic=mosaic,
    )
