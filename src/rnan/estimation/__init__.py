"""What a picture went through: the level of its noise, the quality of its JPEG."""

from rnan.estimation.jpeg_noise import estimate_sigma_before_jpeg
from rnan.estimation.noise_map import estimate_noise
from rnan.estimation.quality import estimate_grid, estimate_jpeg, estimate_quality, quality_of_table
from rnan.estimation.sigma import estimate_sigma
from rnan.estimation.traces import Traces

__all__ = [
    "Traces",
    "estimate_grid",
    "estimate_jpeg",
    "estimate_noise",
    "estimate_quality",
    "estimate_sigma",
    "estimate_sigma_before_jpeg",
    "quality_of_table",
]
