"""One figure, measured or published."""

from dataclasses import asdict, dataclass
from typing import Any

COLUMNS = ("table", "task", "training_data", "dataset", "level", "method", "metric", "value")


@dataclass(frozen=True, kw_only=True)
class Record:
    """A figure with the columns of ``published.csv``."""

    table: str = ""
    task: str
    training_data: str = ""
    dataset: str
    level: str
    method: str
    metric: str
    value: float

    def as_dict(self) -> dict[str, Any]:
        """Names and values; every value a string but ``value``."""
        return asdict(self)
