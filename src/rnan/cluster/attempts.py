"""How often work on a block was begun, so that a picture that kills its process is left out.

Ray begins a block again when the process or the machine that worked on it is lost. A picture that
crashes the process each time would go round for ever. So each attempt leaves a mark, and from the
second on also one before each picture: where attempts ended at the same picture, it is to blame.
"""

import posixpath
import uuid
from collections import Counter

from rnan.cluster.stores import Store

MOST_DEATHS = 3
"""Attempts that may end at one picture before it counts as failed."""


class Attempts:
    """The attempts at one block."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store, self._folder = store, folder
        self._me = uuid.uuid4().hex
        self._ended_at: Counter[int] = Counter()
        self.number = 1
        """Number of the attempt that :meth:`begin` begins, from 1."""

    def begin(self) -> None:
        """Count the attempts before this one and leave a mark."""
        marks = [posixpath.basename(file.path) for file in self._store.files(self._folder)]
        last: dict[str, int] = {}
        for mark in marks:
            attempt, _, picture = mark.partition("-")
            last[attempt] = max(last.get(attempt, -1), int(picture or -1))
        self.number = len(last) + 1
        self._ended_at.update(picture for picture in last.values() if picture >= 0)
        self._store.write(f"{self._folder}/{self._me}", b"")

    def blames(self, picture: int) -> bool:
        """Whether too many attempts ended at that picture; if not, this one marks it."""
        if self.number == 1:
            return False
        if self._ended_at[picture] >= MOST_DEATHS:
            return True
        self._store.write(f"{self._folder}/{self._me}-{picture}", b"")
        return False
