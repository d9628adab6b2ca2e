"""Very many pictures on many machines: a Ray Data job around the same restoration."""

from rnan.cluster.job import ClusterJob, Progress, Summary, plan, run

__all__ = ["ClusterJob", "Progress", "Summary", "plan", "run"]
