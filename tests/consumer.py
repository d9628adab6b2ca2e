"""Code as an engineer would write it, for type checkers; ``test_typing.py`` has it checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import rnan
from rnan.errors import Cancelled, RnanError
from rnan.inference import RestoreOptions, Restorer


def frames(folder: Path) -> Iterator[NDArray[np.uint8]]:
    for file in sorted(folder.glob("*.png")):
        yield np.asarray(Image.open(file).convert("RGB"))


def restore_all(folder: Path) -> list[NDArray[np.uint8]]:
    restorer: Restorer = rnan.load_restorer(
        "denoise-color", device="cpu", dtype="float32", tile=256
    )
    done: list[NDArray[np.uint8]] = []
    for restored in restorer.stream(frames(folder), level="auto", workers=2, ahead=4):
        done.append(restored)
    for either in restorer.stream(frames(folder), errors="return"):
        if isinstance(either, RnanError):
            continue
        done.append(either)
    return done


def restore_one(picture: Image.Image) -> Image.Image:
    try:
        return rnan.restore(picture, task="denoise", sigma=25.0, self_ensemble=True)
    except Cancelled as error:
        raise SystemExit(error.exit_code) from error


options = RestoreOptions(engine="auto", attention="window")
names: list[str] = rnan.list_models()
version: str = rnan.__version__

RestoreOptions(tiles=256)  # type: ignore[call-arg]
RestoreOptions(dtype="float31")  # type: ignore[arg-type]
rnan.restore()  # type: ignore[call-arg]
