"""What an exported network says of itself, in its file."""

import json
import math
from dataclasses import dataclass

from rnan.errors import ConfigError, WeightsError
from rnan.models import RNANConfig
from rnan.models.config import ROWS
from rnan.options.mapping import from_mapping, parsed, to_mapping

METADATA = "rnan"
"""Key of an ONNX file's metadata under which :class:`GraphInfo` stands, as JSON."""

CARD = "rnan_card"
"""Key of the model's card."""

WINDOW = 24
"""Side of the windows of networks that were trained with none: their scores stand in memory, which
fewer tokens keep small."""

_LIVE_MAPS, _LIVE_SCORES = 25, 3
"""Feature maps, and copies of the scores in memory, that are alive at once in float32; as measured
with ONNX Runtime at 512x768, which takes most (MNN takes 0.4 of it)."""


@dataclass(frozen=True, kw_only=True)
class GraphInfo:
    """What an exported network says of itself."""

    task: str
    """Name of the task."""
    name: str
    """Name of the weights."""
    version: str
    """Version of the program that exported it."""
    config: RNANConfig
    """Shape of the network."""
    window: int
    """Side of the attention windows."""
    scale: int
    """How many times it enlarges."""
    level: float | None = None
    """The only level that it knows, in the task's units; none where it takes any."""
    half: bool = False
    """Whether it computes in 16 bits."""
    weights_sha256: str = ""
    """Hash of the weights that it was made from."""

    @property
    def takes_level(self) -> bool:
        """Whether the level is its second input."""
        return self.config.level_channel and self.level is None

    @property
    def grid(self) -> int:
        """Tiles start on multiples of this many input pixels."""
        return self.config.unshuffle * math.lcm(2, self.window)

    @property
    def bytes_per_pixel(self) -> int:
        """About how much memory a run takes, for each input pixel."""
        floats = _LIVE_MAPS * self.config.features
        if "N" in self.config.plan:
            rows = ROWS if self.config.softmax == "keys" else self.window**2
            floats += _LIVE_SCORES * min(rows, self.window**2)
        return 4 * floats // self.config.unshuffle**2

    def to_text(self) -> str:
        """For the file."""
        return json.dumps(to_mapping(self), sort_keys=True)


def info_of(metadata: dict[str, str], *, name: str) -> GraphInfo:
    """What a file says of itself."""
    if METADATA not in metadata:
        raise WeightsError(
            f"{name} was not exported by rnan; rnan evaluate --model peer:{name} measures it"
        )
    try:
        return from_mapping(GraphInfo, parsed(metadata[METADATA]))
    except (ValueError, ConfigError) as error:
        raise WeightsError(f"{name} was exported by another version of rnan: {error}") from error
