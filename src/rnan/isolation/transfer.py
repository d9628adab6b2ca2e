"""Results of a decoding process; large arrays go through memory that both ends see.

The process may have been taken over by the file that it decoded, so what it sends makes arrays and
records of ours and nothing else.
"""

import io
import json
import mmap
import os
import pickle
import tempfile
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

KNOWN = frozenset(
    [
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
        *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
        *((f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core")),
        ("rnan.images.picture", "Picture"),
        ("rnan.images.metadata", "Metadata"),
        ("rnan.images.cicp", "Cicp"),
        ("rnan.images.raw.raw", "Raw"),
        ("rnan.images.raw.noise", "SensorNoise"),
        *(("rnan.errors", name) for name in ("OptionRef", "InputError", "ConfigError")),
        *(("rnan.errors", name) for name in ("ResourceError", "MissingExtraError")),
    ]
)
"""Module and name of all that may be made of what arrives."""


_LONGEST = 2**20
"""Bytes of a word."""


class _Careful(pickle.Unpickler):
    """Makes what is :data:`KNOWN`."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name} is not expected of a decoder")
        return super().find_class(module, name)


def say(connection: Connection, kind: str, content: Any = None) -> None:
    """Send a word and what belongs to it, of JSON's types."""
    connection.send_bytes(json.dumps([kind, content]).encode())


def hear(connection: Connection) -> tuple[str, Any]:
    """What :func:`say` sent."""
    kind, content = json.loads(connection.recv_bytes(_LONGEST))
    return kind, content


def send(connection: Connection, result: object, receiver: int) -> None:
    """Send a result to the process of that number."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(result, protocol=5, buffer_callback=buffers.append)
    arrays = [buffer.raw() for buffer in buffers]
    lengths = [array.nbytes for array in arrays]
    connection.send_bytes(json.dumps([len(head), lengths]).encode())
    file = _nameless(len(head) + sum(lengths))
    try:
        with mmap.mmap(file, len(head) + sum(lengths)) as shared:
            at = 0
            for part in (memoryview(head), *arrays):
                shared[at : at + part.nbytes] = part
                at += part.nbytes
        reduction.send_handle(connection, file, receiver)
    finally:
        os.close(file)


def receive(connection: Connection, most: int) -> Any:
    """What :func:`send` sent, at most so many bytes; copied, since the other end may change it.

    Raises:
        UnpicklingError: It is something that no decoder sends.
        ValueError: It is too large, or not all there.
    """
    length, lengths = json.loads(connection.recv_bytes(_LONGEST))
    file = reduction.recv_handle(connection)
    try:
        if min(length, *lengths, 0) < 0 or length + sum(lengths) > most:
            raise ValueError("more than was allowed")
        at, parts = 0, []
        for size in (length, *lengths):
            parts.append(_copied(file, at, size))
            at += size
    finally:
        os.close(file)
    return _Careful(io.BytesIO(parts[0]), buffers=parts[1:]).load()


def _copied(file: int, at: int, size: int) -> bytearray:
    part = bytearray(size)
    view, done = memoryview(part), 0
    while done < size:
        read = os.preadv(file, [view[done:]], at + done)
        if not read:
            raise ValueError("it is not all there")
        done += read
    return part


def _nameless(size: int) -> int:
    """A file of so many bytes that no folder holds; in memory where the system has such."""
    if hasattr(os, "memfd_create"):  # /dev/shm is often too small, in containers above all
        file = os.memfd_create("rnan")
    else:
        with tempfile.TemporaryFile() as named:
            file = os.dup(named.fileno())
    os.truncate(file, size)
    return file
