"""The inputs of a task as files, made from clean pictures."""

from pathlib import Path

import numpy as np

from rnan.errors import ConfigError
from rnan.evaluation.datasets import read_values
from rnan.evaluation.metrics import as_eight_bit
from rnan.evaluation.runner import cut_to_multiple
from rnan.images import Picture, check_output, write, write_whole
from rnan.images.formats.registry import WRITTEN
from rnan.tasks import Task
from rnan.tasks.level import Level


def make_input(
    task: Task,
    level: Level,
    source: Path,
    target: Path,
    *,
    name: str | None = None,
    seed: int = 0,
    as_float: bool = False,
    overwrite: bool = False,
) -> tuple[int, int]:
    """Degrade one picture exactly as ``rnan evaluate`` does.

    Args:
        task: What is done to it.
        level: How much.
        source: A clean picture.
        target: 8 bit: noise is clipped and rounded. In the JPEG tasks a ``.jpg`` is the very file
            of that quality.
        name: Seeds the noise, see :func:`rnan.evaluation.datasets.names_of`; by default the file's
            without its ending.
        seed: Another seed, another noise.
        as_float: TIFF in 32-bit floating point with white at 1, neither clipped nor rounded.
        overwrite: Replace a target that exists.

    Raises:
        InputError: A picture cannot be read or written.
        ConfigError: The format of ``target`` cannot hold what is asked for.
    """
    check_output(target, overwrite=overwrite)
    if as_float and target.suffix.lower() not in (".tif", ".tiff"):
        raise ConfigError(f"{target.name}: only TIFF holds floating point")
    lossy = WRITTEN[target.suffix.lower()] == "JPEG"
    gt = cut_to_multiple(task.reference(read_values(source)), level.scale)
    if lossy:
        file = task.degraded_file(gt.astype(np.uint8), level)
        if file is None:
            raise ConfigError(f"{target.name}: JPEG would add its own damage; write PNG or TIFF")
        write_whole(target, file)
        return gt.shape[0], gt.shape[1]
    lq = task.degrade(gt, level, name=name or source.stem, seed=seed)
    pixels = (lq / 255.0).astype(np.float32) if as_float else as_eight_bit(lq).astype(np.uint8)
    write(Picture(pixels=pixels), target, overwrite=overwrite)
    return gt.shape[0], gt.shape[1]
