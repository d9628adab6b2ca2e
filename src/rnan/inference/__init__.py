"""Restoring pictures with a network."""

from rnan.inference.restorer import Restorer
from rnan.options.restoring import RestoreOptions

__all__ = ["RestoreOptions", "Restorer"]
