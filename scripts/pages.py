"""Measured tables in documents: each stands between two marks that name the script behind it."""

from __future__ import annotations

from rnan.tasks import Task


def heading(task: Task) -> str:
    """Of the part of a page that is about a task."""
    return f"## {task.title[0].upper()}{task.title[1:]} (`{task.name}`)"


def laid_between_marks(page: str, script: str, table: str) -> str:
    """The page with ``table`` in place of what stood between the marks of ``script``."""
    first, last = f"<!-- measured: scripts/{script} -->", "<!-- /measured -->"
    before, _, rest = page.partition(first)
    if not rest:
        raise ValueError(f"the page has no {first}")
    return f"{before}{first}\n{table}\n{last}{rest.partition(last)[2]}"
