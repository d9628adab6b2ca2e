"""What runs networks: arrays in, arrays out."""

from rnan.engines.engine import BaseEngine, Engine

__all__ = ["BaseEngine", "Engine"]
