"""Networks only: tensors in, tensors out. They know no file, no task and no command."""

from rnan.models.config import RNANConfig
from rnan.models.presets import PRESETS, preset
from rnan.models.rnan import RNAN

__all__ = ["PRESETS", "RNAN", "RNANConfig", "preset"]
