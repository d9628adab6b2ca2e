"""What a run writes while it goes: two CSV files, and TensorBoard where it is installed."""

import csv
from pathlib import Path
from typing import Any, Self

STEPS = ("step", "minutes", "patches", "learning_rate", "loss", "grad_norm", "skipped")
VALIDATION = ("step", "minutes", "patches", "level", "psnr")


class RunLog:
    """``steps.csv`` and ``validation.csv`` in the run's folder."""

    def __init__(self, folder: Path, *, after: int) -> None:
        self._files = {"steps": STEPS, "validation": VALIDATION}
        self._folder = folder
        for name, columns in self._files.items():
            self._truncate(folder / f"{name}.csv", columns, after)
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self._board = None
        else:
            self._board = SummaryWriter(folder / "tensorboard", purge_step=after + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._board is not None:
            self._board.close()

    def steps(self, **values: Any) -> None:
        """A line about the last few steps; ``values`` are :data:`STEPS`."""
        self._append("steps", values)
        if self._board is not None:
            for key in ("learning_rate", "loss", "grad_norm"):
                self._board.add_scalar(f"train/{key}", values[key], values["step"])

    def validation(self, **values: Any) -> None:
        """A line for one level; ``values`` are :data:`VALIDATION`."""
        self._append("validation", values)
        if self._board is not None:
            name = f"validation/psnr_{values['level']}"
            self._board.add_scalar(name, values["psnr"], values["step"])

    def _append(self, name: str, values: dict[str, Any]) -> None:
        row = [values[column] for column in self._files[name]]
        with (self._folder / f"{name}.csv").open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(
                [f"{value:.6g}" if isinstance(value, float) else value for value in row]
            )

    @staticmethod
    def _truncate(path: Path, columns: tuple[str, ...], after: int) -> None:
        rows: list[list[str]] = []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.reader(file) if _step(row) <= after]
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([list(columns), *rows])


def _step(row: list[str]) -> float:
    """Step of a row; infinite for the heading and for a line cut short."""
    try:
        return float(row[0])
    except (IndexError, ValueError):
        return float("inf")
