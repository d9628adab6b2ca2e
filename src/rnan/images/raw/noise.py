"""What a sensor's noise is: two numbers for each colour."""

from dataclasses import dataclass

import numpy as np

_ISO_100 = 2.5e-5
"""Photon noise of a full-frame camera at ISO 100; it grows with the ISO."""
_LEAST_ISO = 50
"""Noise like that of less is not worth figures."""
_LARGEST = 1.0


@dataclass(frozen=True, kw_only=True)
class SensorNoise:
    """Variance ``photon * x + reading`` of a sample x, black at 0 and white at 1."""

    photon: tuple[float, float, float]
    """Of red, green and blue, for each unit of signal."""
    reading: tuple[float, float, float]
    """In the dark."""

    @classmethod
    def of(cls, photon: float, reading: float) -> "SensorNoise":
        """The same for all colours."""
        return cls(photon=(photon,) * 3, reading=(reading,) * 3)

    @classmethod
    def usual(cls, iso: int) -> "SensorNoise":
        """What a full-frame camera has at an ISO, about; reading noise grows faster with it."""
        photon = _ISO_100 * iso / 100
        return cls.of(photon, photon * min(0.1, 2.0 * photon**0.5))

    @property
    def is_none(self) -> bool:
        """Whether there is no noise at all."""
        return not any(self.photon) and not any(self.reading)

    @property
    def is_sound(self) -> bool:
        """Whether these can be variances."""
        values = np.array([*self.photon, *self.reading])
        return bool(np.isfinite(values).all() and (values >= 0).all() and (values < _LARGEST).all())

    def variance(self, light: float) -> float:
        """Mean over the colours, green twice, as a mosaic has it."""
        red, green, blue = (
            one * light + other for one, other in zip(self.photon, self.reading, strict=True)
        )
        return 0.25 * red + 0.5 * green + 0.25 * blue

    def scaled(self, factor: float) -> "SensorNoise":
        """With so many times the variance."""
        return SensorNoise(
            photon=tuple(factor * one for one in self.photon),  # type: ignore[arg-type]
            reading=tuple(factor * one for one in self.reading),  # type: ignore[arg-type]
        )

    @property
    def iso(self) -> int:
        """The ISO at which a full-frame camera has about this much noise; a power of two of 100."""
        stops = round(np.log2(max(self.variance(0.5) / (0.5 * _ISO_100), 0.25)))
        return int(100 * 2.0**stops)

    def in_words(self) -> str:
        """``noise like ISO 6400: 4.9 % of white in the middle, 0.6 % in the dark``."""
        if self.is_none:
            return "no noise"
        if self.iso < _LEAST_ISO:
            return "hardly any noise"
        middle, dark = 100 * np.sqrt(self.variance(0.5)), 100 * np.sqrt(self.variance(0.0))
        return (
            f"noise like ISO {self.iso}: {middle:.1f} % of white in the middle, "
            f"{dark:.2g} % in the dark"
        )
