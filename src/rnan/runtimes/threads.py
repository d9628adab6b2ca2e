"""How many threads of the processor networks take, whatever program runs them."""

import os
import sys

_limit: int | None = None


def threads() -> int:
    """Threads that a network takes."""
    if "torch" in sys.modules:
        return sys.modules["torch"].get_num_threads()  # type: ignore[no-any-return]
    return _limit or int(os.environ.get("OMP_NUM_THREADS") or 0) or _cores()


def limit_threads(number: int) -> None:
    """Let networks take so many threads from now on, in this process."""
    global _limit
    _limit = max(1, number)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(_limit)


def limit() -> int | None:
    """The last limit of :func:`limit_threads`, for programs that are loaded later."""
    return _limit


def _cores() -> int:
    import psutil

    return psutil.cpu_count(logical=False) or os.cpu_count() or 1
