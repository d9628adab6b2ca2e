"""What a picture went through: the level of its noise, the quality of its JPEG."""

from rnan.estimation.quality import estimate_quality, quality_of_table
from rnan.estimation.sigma import estimate_sigma

__all__ = ["estimate_quality", "estimate_sigma", "quality_of_table"]
