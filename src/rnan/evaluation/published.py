"""The paper's tables as records (Zhang et al., ICLR 2019, Tables 1 to 8)."""

import csv
from functools import lru_cache
from importlib import resources

from rnan.evaluation.records import Record

_PICTURES = {"live1": 29}
"""Number of pictures of the sets whose name does not end in it."""


@lru_cache(maxsize=1)
def published() -> tuple[Record, ...]:
    """Every figure of the paper's tables."""
    text = resources.files("rnan.evaluation").joinpath("published.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple(Record(value=float(row.pop("value")), **row) for row in rows)


def published_for(task: str, dataset: str, *, pictures: int | None = None) -> list[Record]:
    """The figures of one task and data set, but for Tables 1 and 7: those compare shapes.

    Args:
        task: Its name.
        dataset: The set's.
        pictures: How many there are: none are published of a part, or of other pictures that
            bear the name. By default that is not looked at.
    """
    known = _PICTURES.get(dataset) or int(dataset[len(dataset.rstrip("0123456789")) :] or 0)
    if pictures is not None and pictures != known:
        return []
    return [
        row
        for row in published()
        if row.task == task and row.dataset == dataset and row.table not in ("1", "7")
    ]


def trained_on(row: Record) -> str:
    """What the network of a figure was trained on, as far as the paper says."""
    if row.training_data:
        return row.training_data
    return "DIV2K" if row.method.startswith("RNAN") else ""


def remark(row: Record) -> str:
    """Why a figure cannot be compared with ours, or only with care; empty where it can."""
    if row.table == "5" and row.metric == "ssim" and row.method in ("none", "SA-DCT", "ARCNN"):
        return "SSIM computed otherwise: not comparable"
    if row.table in ("2", "3") and row.method == "RNAN":
        return "perhaps on inputs that were clipped and rounded first (--quantise-lq)"
    return ""


def is_comparable(row: Record) -> bool:
    """Whether the figure was computed as ours are."""
    return "not comparable" not in remark(row)
