"""Colours as code points (ITU-T H.273): what AVIF, HEIC and PNG say where they have no profile."""

from dataclasses import dataclass

from rnan.images.icc import BT709, SRGB, Curve, profile

_D65 = (0.3127, 0.329)
_PRIMARIES: dict[int, tuple[str, tuple[float, ...]]] = {
    1: ("BT.709", (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *_D65)),
    4: ("BT.470 M", (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316)),
    5: ("BT.601, 625 lines", (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65)),
    6: ("BT.601, 525 lines", (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65)),
    7: ("SMPTE 240M", (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65)),
    9: ("BT.2020", (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65)),
    11: ("DCI-P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351)),
    12: ("Display P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65)),
}
_CURVES: dict[int, tuple[str, Curve]] = {
    1: ("BT.709", BT709),
    4: ("gamma 2.2", Curve(gamma=2.2)),
    5: ("gamma 2.8", Curve(gamma=2.8)),
    6: ("BT.601", BT709),
    8: ("linear", Curve(gamma=1.0)),
    13: ("sRGB", SRGB),
    14: ("BT.2020", BT709),
    15: ("BT.2020", BT709),
}
_HDR = {16: "PQ", 18: "HLG"}
_UNSPECIFIED, _CODES = 2, 256


@dataclass(frozen=True, kw_only=True)
class Cicp:
    """Primaries and transfer characteristics of a picture."""

    primaries: int
    transfer: int

    @property
    def is_srgb(self) -> bool:
        """Whether they are the colours of files that name none: sRGB."""
        return (self.primaries, self.transfer) == (1, 13)

    @property
    def name(self) -> str:
        """For people: ``Display P3``, ``BT.2020, PQ (HDR)``."""
        primaries = _PRIMARIES.get(self.primaries, (f"primaries {self.primaries}", ()))[0]
        if self.transfer in _HDR:
            return f"{primaries}, {_HDR[self.transfer]} (HDR)"
        if self.is_srgb:
            return "sRGB"
        curve = _CURVES.get(self.transfer, (f"transfer {self.transfer}", SRGB))[0]
        if self.primaries == 12 and self.transfer == 13:
            return primaries
        return f"{primaries}, {curve}"

    def icc(self, *, gray: bool = False) -> bytes | None:
        """An equal colour profile, of gray or of colour; none where there can be none."""
        if self.primaries not in _PRIMARIES or self.transfer not in _CURVES:
            return None
        primaries = None if gray else _PRIMARIES[self.primaries][1]
        return profile(self.name, primaries, _CURVES[self.transfer][1])

    def chunk_body(self) -> bytes:
        """What a PNG's cICP chunk holds: RGB, full range."""
        return bytes((self.primaries, self.transfer, 0, 1))


def known(primaries: int, transfer: int) -> Cicp | None:
    """What a file says; none where that is sRGB, as also what is left unspecified or no code."""
    if not (0 <= primaries < _CODES and 0 <= transfer < _CODES):
        return None
    cicp = Cicp(
        primaries=1 if primaries == _UNSPECIFIED else primaries,
        transfer=13 if transfer == _UNSPECIFIED else transfer,
    )
    return None if cicp.is_srgb else cicp
