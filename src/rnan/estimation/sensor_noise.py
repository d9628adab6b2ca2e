"""Noise of an image sensor, read off its samples.

Variance grows with the light, ``photon * x + reading`` (:mod:`rnan.degradations.sensor`). Each of
the four samples of a mosaic's cell makes a picture; the tiles of all are sorted by brightness, the
noise of each group is measured by the smallest eigenvalues of its flat tiles
(:mod:`rnan.estimation.sigma`), and a line is laid through what the groups say. Texture can only
add to a group, so groups above the line count for little.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.estimation.sigma import cut_tiles, sigma_of_tiles
from rnan.images.raw import Raw, SensorNoise
from rnan.images.srgb import srgb_slope

Array = NDArray[np.float64]

_GROUPS, _LEAST_TILES = 10, 80
_LEAST = 15
"""Tiles of a group that are taken for flat, at least."""
_FULL = 0.97
"""Brightest sample, as a share of white, of tiles that are looked at."""
_FINEST = 0.75 / 255.0
"""What the finest texture of a picture, as screens show it, adds to what is measured: the median
over training pictures."""
_DOUBTED = 3e-5
"""Variance in the middle of which half is believed: as little is texture as often as noise, and to
take texture away costs more than to leave such noise. Found on training pictures."""
_OVER_USUAL = 16.0
"""How many times the variance that is usual at an ISO even the smallest sensors have."""
_MOST_READING = 0.3
"""Largest reading noise over photon noise."""
_FLAT = 1.4
"""Variance of a tile, over the noise's, up to which it counts as flat."""
_CUT = 0.02
"""Share of equal lowest samples, below black, from which on a tile was cut at black."""
_ROUNDS, _LINES = 3, 30
_FORGIVEN = 0.1
"""Excess over the line, as a share, that halves what a group counts."""
_LEAST_VARIANCE = 1e-7
_SEEN_IN_COLOURS = 1.5e-4
"""Variance in the middle from which on colours are told apart."""
_APART = 2.0
"""Ratio of variances from which on a colour has a noise of its own."""
_BELIEVED = 3.0, 25.0
"""How many times as much, and as little, as is measured a file may say."""
_FLATTEST, _OF_FLATTEST = 0.1, 0.78
"""Where each pixel has all colours: share of tiles that are taken for flat, and their largest
variance over the noise's."""
_SIDE = 16


def noise_of(raw: Raw) -> tuple[SensorNoise, str]:
    """The noise of a raw file, and how that is known.

    As the file says it where its samples do not contradict, else measured. A file whose profile
    names the colours in reverse is understood. Where nothing can be measured either, it is what is
    usual at the file's ISO, or none.
    """
    measured, said = measured_noise(raw), raw.profile
    if measured is None:
        if said is not None:
            return said, "as the file says"
        if raw.iso:
            return SensorNoise.usual(raw.iso), "usual at its ISO"
        return SensorNoise.of(0.0, 0.0), "too small to be measured"
    if said is None:
        most = _OVER_USUAL * SensorNoise.usual(raw.iso).variance(0.5)
        if raw.iso and measured.variance(0.5) > most:  # a picture without any flat place
            return measured.scaled(most / measured.variance(0.5)), "at most, by its ISO"
        return measured, "measured"
    for light in (0.02, 0.1, 0.4):
        ours, theirs = measured.variance(light) + _LEAST_VARIANCE, said.variance(light)
        if theirs <= _BELIEVED[0] * ours and _BELIEVED[1] * theirs >= ours:
            break
    else:
        return measured, "measured, since the file contradicts it"
    turned = SensorNoise(photon=said.photon[::-1], reading=said.reading[::-1])
    if _distance(turned, measured) < 0.5 * _distance(said, measured):
        said = turned
    return said, "as the file says"


def measured_noise(raw: Raw) -> SensorNoise | None:
    """The noise that the samples show; nothing where they are too few or all burnt out."""
    gains = raw.gains()
    samples = raw.samples
    if raw.shading is not None:
        samples = np.divide(samples, np.maximum(raw.shading, 1e-6), dtype=np.float32)
    if not raw.is_mosaic:
        return _of_pixels(samples, gains)
    height, width = (side // 2 * 2 for side in raw.size)
    if not height or not width:
        return None
    whole = samples[:height, :width]
    cut = [
        (letter, _unspoilt(cut_tiles(whole[place // 2 :: 2, place % 2 :: 2])))
        for place, letter in enumerate(raw.pattern)
    ]
    tiles = np.concatenate([one for _, one in cut])
    if len(tiles) < _LEAST:
        return None
    photon, reading = _fitted(tiles, float(gains.mean()))
    pooled = SensorNoise.of(photon, reading)
    middle = pooled.variance(0.5)
    pooled = pooled.scaled(middle / (middle + _DOUBTED))
    if pooled.variance(0.5) < _SEEN_IN_COLOURS:
        return pooled
    return _by_colour(cut, pooled)


def _unspoilt(tiles: Array) -> Array:
    """Without those that are burnt out, or that a sensor cut at black."""
    flat = tiles.reshape(len(tiles), -1)
    lowest = flat.min(axis=1)
    cut = (flat == lowest[:, None]).mean(axis=1) > _CUT
    kept: Array = tiles[(flat.max(axis=1) < _FULL) & ~(cut & (lowest <= 0.0))]
    return kept


def _fitted(tiles: Array, gain: float) -> tuple[float, float]:
    mean = tiles.mean(axis=(1, 2, 3))
    number = max(1, min(_GROUPS, len(tiles) // _LEAST_TILES))
    groups = np.array_split(np.argsort(mean, kind="stable"), number)
    light = np.array([max(0.0, float(mean[group].mean())) for group in groups])
    finest = (_FINEST / srgb_slope(light * gain) / gain) ** 2
    model = np.ones_like(mean)
    variance = tiles.reshape(len(tiles), -1).var(axis=1)
    photon = reading = 0.0
    for _ in range(_ROUNDS):
        sigma = np.array([_sigma(tiles[group], model[group]) for group in groups])
        measured = sigma**2 * np.array([model[group].mean() for group in groups])
        # A group is worth as much as it has tiles that the noise alone explains.
        weight = np.array(
            [
                1.0 + (variance[group] < _FLAT * one**2 * model[group]).sum()
                for group, one in zip(groups, sigma, strict=True)
            ]
        )
        photon, reading = _line(light, np.maximum(measured - finest, 0.0), weight)
        model = np.maximum(photon * np.maximum(mean, 0.0) + reading, _LEAST_VARIANCE)
    return photon, reading


def _sigma(tiles: Array, model: Array) -> float:
    """Standard deviation of the noise over that of a model, which has a variance for each tile."""
    whitened = tiles / np.sqrt(model)[:, None, None, None]
    return sigma_of_tiles(whitened, clipped=False, least=_LEAST)


def _by_colour(cut: list[tuple[str, Array]], pooled: SensorNoise) -> SensorNoise:
    """With a factor for colours that clearly differ: some cameras amplify them before storing."""
    factors = []
    for letter in "rgb":
        own = np.concatenate([tiles for other, tiles in cut if other == letter])
        if len(own) < _LEAST_TILES:
            return pooled
        mean = np.maximum(own.mean(axis=(1, 2, 3)), 0.0)
        model = pooled.photon[1] * mean + pooled.reading[1] + _LEAST_VARIANCE
        factors.append(_sigma(own, model) ** 2)
    if max(factors) < _APART * max(min(factors), 1e-9):
        return pooled
    return SensorNoise(
        photon=tuple(factor * pooled.photon[1] for factor in factors),  # type: ignore[arg-type]
        reading=tuple(factor * pooled.reading[1] for factor in factors),  # type: ignore[arg-type]
    )


def _of_pixels(samples: NDArray[Any], gains: NDArray[np.float32]) -> SensorNoise | None:
    """The noise of samples that were interpolated.

    Neighbours share it, so that eigenvalues of patches say too little: flat tiles have to do.
    """
    values: list[tuple[float, float]] = []
    height, width = (side // _SIDE * _SIDE for side in samples.shape[:2])
    if not height or not width:
        return None
    for channel in range(3):
        plane = samples[:height, :width, channel].astype(np.float64)
        tiles = plane.reshape(height // _SIDE, _SIDE, width // _SIDE, _SIDE).swapaxes(1, 2)
        tiles = tiles.reshape(-1, 1, _SIDE, _SIDE)
        tiles = tiles[tiles.max(axis=(1, 2, 3)) < _FULL]
        if not len(tiles):
            values.append((0.0, 0.0))
            continue
        mean = tiles.mean(axis=(1, 2, 3))
        variance = _without_slope(tiles[:, 0])
        number = max(1, min(_GROUPS, len(tiles) // _LEAST_TILES))
        groups = np.array_split(np.argsort(mean, kind="stable"), number)
        light = np.array([max(0.0, float(mean[group].mean())) for group in groups])
        flat = np.array(
            [np.quantile(variance[group], _FLATTEST) / _OF_FLATTEST for group in groups]
        )
        finest = (_FINEST / srgb_slope(light * gains[channel]) / gains[channel]) ** 2
        weight = np.array([float(len(group)) for group in groups])
        values.append(_line(light, np.maximum(flat - finest, 0.0), weight))
    return SensorNoise(
        photon=tuple(one[0] for one in values),  # type: ignore[arg-type]
        reading=tuple(one[1] for one in values),  # type: ignore[arg-type]
    )


def _without_slope(tiles: Array) -> Array:
    """Variance of each tile about the plane that fits it best."""
    side = tiles.shape[-1]
    along = np.arange(side) - (side - 1) / 2
    across = np.broadcast_to(along, (side, side)) / np.sqrt((along**2).sum() * side)
    centred = tiles - tiles.mean(axis=(1, 2), keepdims=True)
    for direction in (across, across.T):
        share = (centred * direction).sum(axis=(1, 2))
        centred = centred - share[:, None, None] * direction
    variance: Array = np.square(centred).sum(axis=(1, 2)) / (side**2 - 3)
    return variance


def _line(light: Array, variance: Array, weight: Array) -> tuple[float, float]:
    """Photon and reading noise of the line."""
    floor = 1e-3 * float(variance.max()) + 1e-12
    expected = np.maximum(variance, floor)
    trust = weight
    photon = reading = 0.0
    for _ in range(_LINES):
        photon, reading = _least_squares(light, variance, trust / expected**2)
        expected = np.maximum(photon * light + reading, floor)
        excess = np.maximum(variance / expected - 1.0, 0.0)
        trust = weight / (1.0 + excess / _FORGIVEN) ** 2
    return photon, reading


def _least_squares(x: Array, y: Array, w: Array) -> tuple[float, float]:
    """Slope and start of a line; the start is not negative, nor far above the slope."""
    total = w.sum()
    mean_x, mean_y = (w * x).sum() / total, (w * y).sum() / total
    spread = (w * (x - mean_x) ** 2).sum() / total
    if spread > 0.0:
        slope = (w * (x - mean_x) * (y - mean_y)).sum() / total / spread
        start = mean_y - slope * mean_x
        if slope > 0.0 and 0.0 <= start <= _MOST_READING * slope:
            return float(slope), float(start)
    found = []
    for ratio in (0.0, _MOST_READING):
        shifted = x + ratio
        slope = max(0.0, (w * shifted * y).sum() / max((w * shifted**2).sum(), 1e-30))
        found.append(((w * (y - slope * shifted) ** 2).sum(), slope, slope * ratio))
    _, slope, start = min(found)
    return float(slope), float(start)


def _distance(one: SensorNoise, other: SensorNoise) -> float:
    """How far two differ in their colours."""
    ratios = [
        np.log((a + b + 1e-9) / (c + d + 1e-9))
        for a, b, c, d in zip(one.photon, one.reading, other.photon, other.reading, strict=True)
    ]
    return float(np.ptp(ratios))
