"""Tasks: what networks are trained to undo; one module for each kind."""

from rnan.tasks.condition import Condition
from rnan.tasks.level import Level, LevelLike
from rnan.tasks.registry import (
    RESTORATIONS,
    TASKS,
    get_measured,
    get_task,
    register,
    register_restoration,
    restoration_of,
)
from rnan.tasks.task import Look, Plane, Protocol, Restoration, Task

__all__ = [
    "RESTORATIONS",
    "TASKS",
    "Condition",
    "Level",
    "LevelLike",
    "Look",
    "Plane",
    "Protocol",
    "Restoration",
    "Task",
    "get_measured",
    "get_task",
    "register",
    "register_restoration",
    "restoration_of",
]
