"""The tasks and restorations by name; others can be added."""

from rnan.errors import ConfigError
from rnan.options.levels import LEVELS
from rnan.options.mapping import nearest
from rnan.options.request import request_options
from rnan.tasks import camera, jpeg, mosaic, noise, raw, scale
from rnan.tasks.task import Restoration, Task

TASKS: dict[str, Task] = {}
"""By name."""

MEASURED = {task.name: task for task in (raw.RAW, camera.PHOTOGRAPHS)}
"""Tasks that are only measured, by name; other tasks' networks restore their inputs."""

RESTORATIONS: dict[str, Restoration] = {}
"""By name; beside them stands ``auto``."""


def register(task: Task) -> None:
    """Add a task, or replace the one of its name."""
    TASKS[task.name] = task


def register_restoration(restoration: Restoration) -> None:
    """Add what people can ask for, with its tasks."""
    for task in restoration.all_tasks:
        register(task)
        LEVELS[restoration.name] = task.asks
    RESTORATIONS[restoration.name] = restoration
    request_options.cache_clear()


def get_task(name: str) -> Task:
    """The task of that name."""
    if not isinstance(name, str) or name not in TASKS:
        raise ConfigError(
            f"unknown task {name}{nearest(name, TASKS)}; known are {', '.join(TASKS)}"
        )
    return TASKS[name]


def get_measured(name: str) -> Task:
    """The task of that name, also one that is only measured.

    Raises:
        ConfigError: There is no such task.
    """
    return MEASURED.get(name) or get_task(name)


def restoration_of(task: Task) -> str:
    """The restoration that a task belongs to; nothing where it belongs to none."""
    return next((one.name for one in RESTORATIONS.values() if task in one.all_tasks), "")


_DENOISE = Restoration(
    name="denoise", tasks={3: noise.COLOUR, 1: noise.GRAY}, special=(camera.CAMERA,)
)
for _restoration in (_DENOISE, mosaic.DEMOSAIC, jpeg.DEJPEG, scale.UPSCALE):
    register_restoration(_restoration)
