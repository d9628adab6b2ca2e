"""Many pictures in a stream: in order, few at a time, stopped at any time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from conftest import photo, restorer
from rnan.errors import Cancelled, ConfigError, InputError, RnanError


def pictures(number: int) -> list[np.ndarray]:
    return [photo(24 + 2 * (n % 5), 30, seed=n) for n in range(number)]


@pytest.mark.parametrize(("workers", "ahead"), [(1, 0), (1, 2), (3, 2)])
def test_in_order_and_the_same(workers: int, ahead: int) -> None:
    ours = restorer()
    given = pictures(9)
    found = list(ours.stream(iter(given), level=25, workers=workers, ahead=ahead))
    assert len(found) == 9
    for one, picture in zip(found, given, strict=True):
        assert np.array_equal(one, ours(picture, level=25))


@pytest.mark.parametrize(("workers", "ahead"), [(1, 0), (1, 2), (2, 3)])
def test_few_are_fetched_ahead(workers: int, ahead: int) -> None:
    fetched = 0

    def source() -> Iterator[np.ndarray]:
        nonlocal fetched
        for picture in pictures(20):
            fetched += 1
            yield picture

    stream = restorer().stream(source(), level=25, workers=workers, ahead=ahead)
    assert fetched == 0
    for taken, _ in enumerate(stream, start=1):
        assert fetched <= taken + workers + ahead - 1
    assert fetched == 20


def test_an_endless_source_can_be_left() -> None:
    def source() -> Iterator[np.ndarray]:
        while True:
            yield photo(24, 30)

    stream = restorer().stream(source(), level=25, workers=2)
    next(stream)
    stream.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("rnan-stream")]


def test_an_error_ends_it_or_stands_in_its_place() -> None:
    given = pictures(5)
    given[2] = np.zeros((0, 3, 3), np.uint8)
    ours = restorer()
    stream = ours.stream(given, level=25)
    assert isinstance(next(stream), np.ndarray)
    assert isinstance(next(stream), np.ndarray)
    with pytest.raises(InputError, match="no pixels"):
        next(stream)
    assert list(stream) == []
    found = list(ours.stream(given, level=25, errors="return"))
    assert [isinstance(one, RnanError) for one in found] == [False, False, True, False, False]


def test_an_error_of_the_source_comes_out() -> None:
    def source() -> Iterator[np.ndarray]:
        yield photo(24, 30)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        list(restorer().stream(source(), level=25))


def test_cancel() -> None:
    stop = threading.Event()
    stream = restorer().stream(pictures(9), level=25, cancel=stop, errors="return")
    next(stream)
    stop.set()
    with pytest.raises(Cancelled):
        list(stream)


@pytest.mark.parametrize("given", [{"workers": 0}, {"ahead": -1}, {"errors": "ignore"}])
def test_bad_arguments(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        restorer().stream([], **given)  # type: ignore[call-overload]
