"""What camera raw is, in plain words, and what to do about it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnan.images.raw import Raw
from rnan.inference.sensors import stripes
from rnan.options.files import READ, ReadOptions
from rnan.options.raw import RawOptions
from rnan.pipeline.developing import Negative, open_negative
from rnan.pipeline.inspection import Need, quoted

_STRIPED = 2.5
"""How much rows differ by themselves, over what noise explains, from which on it is named."""


@dataclass(frozen=True, kw_only=True)
class RawFindings:
    """What was found in a raw file."""

    negative: Negative

    @property
    def steps(self) -> list[Need]:
        """A raw file always needs developing."""
        return [Need(restoration="demosaic", level=self.negative.raw.pattern or "auto")]

    def sentences(self) -> list[str]:
        """The findings in plain words."""
        raw = self.negative.raw
        top, left, bottom, right = raw.crop
        camera = raw.camera or "a camera that it does not name"
        iso = f", ISO {raw.iso}" if raw.iso else ""
        size = f"{right - left} x {bottom - top} pixels"
        megapixels = (right - left) * (bottom - top) / 1e6
        lines = [f"camera raw of {camera}{iso}, {size} ({megapixels:.1f} megapixels)"]
        if raw.is_mosaic:
            lines.append(f"Bayer sensor, {raw.pattern.upper()}")
        else:
            by = f"; {raw.interpolated} interpolates it" if raw.interpolated else ""
            lines.append(f"not the mosaic of a Bayer sensor{by}")
        lines.append(f"{self.negative.noise.in_words()}, {self.negative.source}")
        if raw.is_mosaic and not self.negative.noise.is_none and self._stripes > _STRIPED:
            lines.append("its rows differ by themselves: fixed row noise, which is not removed")
        if raw.xyz_to_camera is None:
            lines.append("nobody says what its colours mean; they are taken for sRGB")
        if raw.left_out:
            lines.append(f"asks for what is not done: {', '.join(sorted({*raw.left_out}))}")
        return lines

    def commands(self, path: Path, reading: ReadOptions = READ) -> list[str]:
        """What to type."""
        source = quoted(path)
        return [
            f"rnan demosaic {source} -o restored.tif",
            f"rnan demosaic {source} -o restored.dng",
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        raw, noise = self.negative.raw, self.negative.noise
        top, left, bottom, right = raw.crop
        return {
            "height": bottom - top,
            "width": right - left,
            "format": "RAW",
            "camera": raw.camera,
            "iso": raw.iso,
            "pattern": raw.pattern,
            "noise": {
                "photon": noise.photon,
                "reading": noise.reading,
                "source": self.negative.source,
                "like_iso": 0 if noise.is_none else noise.iso,
            },
            "steps": [{"restoration": one.restoration, "level": one.level} for one in self.steps],
        }

    @property
    def _stripes(self) -> float:
        return stripes(self.negative.raw, self.negative.noise)


def inspect_raw(raw: Raw) -> RawFindings:
    """Look at camera raw."""
    return RawFindings(negative=open_negative(raw, RawOptions()))
