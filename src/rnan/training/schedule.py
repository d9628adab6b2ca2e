"""The learning rate over the budget, and how far the budget is spent."""

import math

from rnan.training.config import BudgetSection, ScheduleSection


def rate(schedule: ScheduleSection, *, step: int, spent: float) -> float:
    """Factor of the learning rate.

    Args:
        schedule: Kind and lengths.
        step: Steps done.
        spent: Share of the budget that is spent, 0 to 1.
    """
    warmup = min(1.0, (step + 1) / schedule.warmup) if schedule.warmup else 1.0
    if schedule.kind == "cosine":
        return warmup * 0.5 * (1.0 + math.cos(math.pi * min(spent, 1.0)))
    if schedule.kind == "step":
        return float(warmup * 0.5 ** int(min(spent, 1.0) * schedule.halvings))
    left = max(0.0, 1.0 - spent)
    return warmup * min(1.0, left / schedule.decay_share if schedule.decay_share else 1.0)


def share_spent(budget: BudgetSection, *, step: int, seconds: float) -> float:
    """Share of the budget that is spent, from 0 on; 1 and more: it is used up."""
    if budget.steps is not None:
        return step / budget.steps
    assert budget.minutes is not None
    return seconds / (60.0 * budget.minutes)
