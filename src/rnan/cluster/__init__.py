"""Very many pictures on many machines: a Ray Data job around the same restoration."""

from rnan.cluster.job import Job, Progress, Summary, plan, run

__all__ = ["Job", "Progress", "Summary", "plan", "run"]
