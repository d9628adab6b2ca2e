"""Restoring pictures with a network."""

from rnan.inference.options import RestoreOptions
from rnan.inference.restorer import Restorer

__all__ = ["RestoreOptions", "Restorer"]
