"""What decoding one file may take."""

from dataclasses import dataclass

_SHARE = 0.8
"""Of the memory that is free."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What decoding one file may take."""

    seconds: float = 10.0
    """Of the processor."""
    seconds_per_megapixel: float = 1.0
    """So many more for a large picture, once its header is read."""
    memory: int = 850 * 2**20
    """Bytes beyond what the process has before, however small the file is."""
    memory_per_byte: int = 1000
    """For each byte of a large file: a flat picture takes a thousand times its file."""

    def seconds_for(self, pixels: int) -> float:
        """Seconds of the processor for a picture of so many pixels."""
        return self.seconds + self.seconds_per_megapixel * pixels / 1e6

    def memory_for(self, size: int) -> int:
        """Bytes of memory for a file of ``size`` bytes."""
        from rnan.engines.device import free_memory  # numpy comes with it

        most = max(self.memory, self.memory_per_byte * size)
        return min(most, int(_SHARE * free_memory()))


LIMITS = Limits()
