"""Files are decoded in processes of their own, which a bad one takes with it and nothing else."""

from __future__ import annotations

import io
import logging
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
from PIL import Image

from raws import dng
from rnan import images, isolation
from rnan.errors import Cancelled, InputError, MissingExtraError, ResourceError
from rnan.images import limits as limits_module
from rnan.images.formats import jpeg_end
from rnan.images.formats.registry import FORMATS
from rnan.images.formats.tiff_chain import MOST_PAGES, check_chain
from rnan.images.raw import read_raw
from rnan.isolation import worker
from rnan.isolation.limits import Limits
from rnan.isolation.pool import POOL, Pool
from rnan.isolation.transfer import receive, send
from rnan.isolation.words import Order
from rnan.options.files import ReadOptions


def a_file(
    file_format: str = "PNG", size: tuple[int, int] = (300, 200), **options: object
) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, file_format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "AVIF"])
def test_the_same_picture_comes_back(file_format: str) -> None:
    data = a_file(file_format, dpi=(300, 300)) if file_format != "BMP" else a_file("BMP")
    there, here = isolation.decode(data), images.decode(data)
    assert np.array_equal(there.pixels, here.pixels)
    assert there.metadata == here.metadata


def test_deep_pixels_and_opacity_come_back(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 65536, (40, 50, 4), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    picture = isolation.read(tmp_path / "a.tif")
    assert picture.alpha is not None
    assert np.array_equal(picture.pixels, values[:, :, :3])
    assert np.array_equal(picture.alpha, values[:, :, 3])


def test_errors_are_those_of_the_reader(tmp_path: Path) -> None:
    for data in (b"", b"nothing", a_file()[:5000], a_file("GIF")[:100]):
        with pytest.raises(InputError) as here:
            images.decode(data, name="x")
        with pytest.raises(InputError) as there:
            isolation.decode(data, name="x")
        assert str(there.value) == str(here.value)
    frames = [Image.new("L", (9, 9), shade) for shade in (0, 9)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError) as error:
        isolation.read(tmp_path / "a.gif")
    assert error.value.remedy == {"frame": 1}
    assert error.value.option == "frame"


def test_notices_come_back(caplog: pytest.LogCaptureFixture) -> None:
    data = a_file("JPEG")
    with caplog.at_level(logging.WARNING):
        isolation.decode(data[: len(data) // 2], name="x", options=ReadOptions(salvage=True))
    assert "x: cut off; what is missing is gray" in caplog.text


def test_one_process_serves_many_files() -> None:
    pool = Pool()
    given = {"name": "x", "options": ReadOptions()}
    more = {"name": "x", "limits": Limits(), "cancel": None}
    for _ in range(3):
        pool.run("decode", a_file(), given, **more)
    assert len(pool._idle) == 1
    pid = pool._idle[0].pid
    pool.close()
    assert not psutil.pid_exists(pid)


LARGE = a_file("PNG", (2400, 2400))


@pytest.fixture(scope="module")
def larger() -> bytes:
    """54 megapixels, half a second of decoding, in a small file."""
    buffer = io.BytesIO()
    Image.new("RGB", (9000, 6000)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def test_time_is_limited() -> None:
    start = time.monotonic()
    with pytest.raises(InputError, match=r"x took more than 0 s to decode"):
        isolation.decode(LARGE, name="x", limits=Limits(seconds=0.01, seconds_per_megapixel=0.0))
    assert time.monotonic() - start < 5.0
    assert isolation.decode(LARGE).size == (2400, 2400)  # by a fresh process


def test_time_grows_with_the_picture() -> None:
    limits = Limits(seconds=2.0, seconds_per_megapixel=20.0)
    assert isolation.decode(LARGE, limits=limits).size == (2400, 2400)


def test_memory_is_limited(larger: bytes) -> None:
    small = Limits(memory=2**20, memory_per_byte=0)
    with pytest.raises(InputError, match=r"x claims 5.76 million pixels, for which 1 MiB"):
        isolation.decode(LARGE, name="x", limits=small)
    watched = Limits(memory=250 * 2**20, memory_per_byte=0)
    with pytest.raises(InputError, match=r"x took more than 250 MiB of memory to decode"):
        isolation.decode(larger, name="x", limits=watched)


def test_memory_grows_with_the_file_within_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits()
    assert limits.memory_for(10) == limits.memory
    assert limits.memory_for(2**21) == 1000 * 2**21
    monkeypatch.setattr("rnan.engines.device.free_memory", lambda: 10**8)
    assert limits.memory_for(2**21) == 8 * 10**7


def test_a_decoder_that_dies_takes_nobody_with_it(larger: bytes) -> None:
    pool = Pool()
    given = {"name": "x", "options": ReadOptions()}
    more = {"name": "x", "limits": Limits(), "cancel": None}
    pool.run("decode", a_file(), given, **more)
    process = pool._idle[0]
    threading.Timer(0.1, process._process.kill).start()
    with pytest.raises(InputError, match="x is damaged: it crashes its decoder"):
        pool.run("decode", larger, given, **more)
    assert pool._idle == []
    assert pool.run("decode", a_file(), given, **more).size == (300, 200)
    pool.close()


def test_a_process_that_died_between_two_files_is_not_asked() -> None:
    pool = Pool()
    given = {"name": "x", "options": ReadOptions()}
    more = {"name": "x", "limits": Limits(), "cancel": None}
    pool.run("decode", a_file(), given, **more)
    pool._idle[0]._process.kill()
    pool._idle[0]._process.wait()
    assert pool.run("decode", a_file(), given, **more).size == (300, 200)
    pool.close()


def test_decoding_can_be_cancelled(larger: bytes) -> None:
    stop = threading.Event()
    threading.Timer(0.15, stop.set).start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        isolation.decode(larger, cancel=stop)
    assert time.monotonic() - start < 5.0


def test_what_lies_in_the_folder_is_no_program(tmp_path: Path) -> None:
    """A folder of strangers' pictures may hold a numpy.py."""
    (tmp_path / "numpy.py").write_text("raise SystemExit(9)\n")
    (tmp_path / "a.png").write_bytes(a_file())
    code = "from rnan import isolation; print(isolation.read('a.png').size)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "(300, 200)\n"


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return os.putenv, ("A", "B")


def test_nothing_of_a_program_is_made_of_what_a_decoder_sends() -> None:
    ours, theirs = Pipe()
    send(theirs, Evil(), os.getpid())
    with pytest.raises(pickle.UnpicklingError, match="not expected of a decoder"):
        receive(ours, 2**20)
    send(theirs, np.zeros(1000), os.getpid())
    with pytest.raises(ValueError, match="more than was allowed"):
        receive(ours, 1000)


def test_no_process_outlives_its_owner(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(a_file())
    code = (
        "import os, signal; from rnan import isolation; from rnan.isolation.pool import POOL;"
        f"isolation.read({str(tmp_path / 'a.png')!r});"
        "print(POOL._idle[0].pid, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    pid = int(done.stdout)
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    else:
        raise AssertionError("it is still there")


def test_a_fork_starts_its_own(tmp_path: Path) -> None:
    """Though it inherits locks that nobody will ever release."""
    (tmp_path / "a.png").write_bytes(a_file())
    code = f"""
import os
from rnan import isolation
from rnan.isolation.pool import POOL
path = {str(tmp_path / "a.png")!r}
isolation.read(path)
POOL._lock.acquire()
while POOL._room.acquire(blocking=False):
    pass
child = os.fork()
if not child:
    print(isolation.read(path).size, flush=True)
    POOL.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
POOL._lock.release()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "(300, 200)\n"


MORE = {"name": "x", "limits": Limits(), "cancel": None}


def impostor(said: bytes) -> str:
    """A program that says it is ready, reads an order, and says something else."""
    return (
        "import sys, time; from multiprocessing.connection import Connection;"
        "c = Connection(int(sys.argv[-1])); c.send_bytes(b'[\"ready\", null]');"
        f"c.recv(); c.recv_bytes(); c._send({said!r}); time.sleep(60)"
    )


@pytest.mark.parametrize(
    "said",
    [
        b"\0\0\0\x20abc",  # a part of a message
        b"\0\0\0\x05nojso",
        b'\0\0\0\x0d["pixels","x"]',
        b"\x7f\xff\xff\xff",
        b'\0\0\0\x10["done", null]   ' + b"\0\0\0\x07[9, []]",
    ],
)
def test_whatever_a_process_says_ends_in_one_line(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    popen = subprocess.Popen

    def started(command: list[str], **more: object) -> subprocess.Popen[bytes]:
        return popen([sys.executable, "-c", impostor(said), command[-1]], **more)

    monkeypatch.setattr(subprocess, "Popen", started)
    pool, stop = Pool(), threading.Event()
    threading.Timer(1.0, stop.set).start()
    start = time.monotonic()
    with pytest.raises((InputError, Cancelled)):
        pool.run("decode", a_file(), {}, **{**MORE, "cancel": stop})
    assert time.monotonic() - start < 20.0
    assert pool._idle == []


def test_a_process_that_stands_still_is_ended() -> None:
    pool = Pool()
    given = {"name": "x", "options": ReadOptions()}
    pool.run("decode", a_file(), given, **MORE)
    os.kill(pool._idle[0].pid, signal.SIGSTOP)
    limits = Limits(seconds=0.1, seconds_per_megapixel=0.0)
    with pytest.raises(InputError, match="took more than 0 s"):
        pool.run("decode", LARGE, given, name="x", limits=limits, cancel=None)


@pytest.mark.parametrize("program", ["", "/nowhere/python", "/bin/false"])
def test_no_process_is_no_damage(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(ResourceError, match="no process to decode pictures could be started"):
        Pool().run("decode", a_file(), {}, **MORE)


def test_pictures_hold_no_files() -> None:
    before = psutil.Process().num_fds()
    kept = [isolation.decode(a_file()) for _ in range(20)]
    assert psutil.Process().num_fds() <= before + 3
    assert len(kept) == 20


def test_within_the_limits_of_who_asks(tmp_path: Path) -> None:
    """A shell's hard limit of the processor, and no standard input or output."""
    (tmp_path / "a.png").write_bytes(a_file())
    words = f'"{sys.executable}" -m rnan inspect "{tmp_path / "a.png"}"'
    limited = subprocess.run(
        ["bash", "-c", f"ulimit -t 3600; ulimit -n 512; {words}"], capture_output=True, text=True
    )
    assert limited.returncode == 0, limited.stderr
    out = tmp_path / "b.png"
    words = words.replace("inspect", "denoise") + f' -o "{out}" --sigma 9'
    closed = subprocess.run(["bash", "-c", f"{words} <&- >&-"], stderr=subprocess.PIPE, text=True)
    assert closed.returncode == 0, closed.stderr
    assert out.exists()


def test_errors_travel_whole() -> None:
    for error in (MissingExtraError("a", "b"), MissingExtraError("a"), InputError("x", remedy={})):
        ours, theirs = Pipe()
        send(theirs, error, os.getpid())
        assert str(receive(ours, 2**20)) == str(error)


def test_a_format_that_was_replaced_is_decoded_here(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = images.Picture(pixels=np.zeros((2, 3, 1), np.uint8))
    other = replace(FORMATS["PNG"], recognises=lambda data: True, decode=lambda *_: mine)
    monkeypatch.setitem(FORMATS, "PNG", other)
    assert isolation.decode(a_file()).size == mine.size


def test_camera_raw_comes_back(tmp_path: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (64, 80, 3))
    path = dng(tmp_path / "a.dng", pixels)
    there, here = isolation.read_raw(path), read_raw(path)
    assert np.array_equal(there.samples, here.samples)
    assert there.metadata == here.metadata
    assert {tag: kind for tag, (kind, _) in there.dng.items()} == {
        tag: kind for tag, (kind, _) in here.dng.items()
    }


def chain(*following: int) -> bytes:
    """A TIFF file whose directories, empty ones of six bytes, go on where it is said."""
    directories = b"".join(struct.pack("<HI", 0, at) for at in following)
    return b"II*\0" + struct.pack("<I", 8) + directories


def test_a_chain_of_pages_has_an_end() -> None:
    check_chain(chain(14, 20, 0), "x")
    check_chain(chain(14, 20, 9999), "x")  # a library says what is wrong with it
    check_chain(b"II*\0", "x")
    with pytest.raises(InputError, match="x is cut off"):
        check_chain(chain(14, 20, 0)[:-1], "x")
    with pytest.raises(InputError, match="x holds more than 10000 pages"):
        check_chain(chain(*range(14, 14 + 6 * (MOST_PAGES + 1), 6), 0), "x")


def test_segments_fit_the_file(tmp_path: Path) -> None:
    data = np.zeros((64, 64, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", tile=(16, 16))
    content = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(io.BytesIO(bytes(content))) as file:
        tags = file.pages[0].tags
        for code in (256, 257):  # width and height that its tiles do not cover
            offset = tags[code].valueoffset
            struct.pack_into("<H", content, offset, 20000)
    with pytest.raises(InputError, match="it claims 1562500 tiles in"):
        images.decode(bytes(content), name="x")


def test_scans_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = a_file("JPEG", progressive=True)
    assert images.decode(data).size == (300, 200)
    monkeypatch.setattr(jpeg_end, "_MOST_SCANS", 3)
    with pytest.raises(InputError, match="more than 3 scans"):
        images.decode(data)
    assert images.decode(a_file("JPEG")).size == (300, 200)


@pytest.mark.parametrize("file_format", ["DDS", "PCX", "ICNS", "TGA", "SGI"])
def test_other_formats_are_not_decoded_whatever_their_name(file_format: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA" if file_format in ("DDS", "ICNS") else "RGB", (64, 64)).save(
        buffer, file_format
    )
    with pytest.raises(InputError, match="not a picture in a format that can be read"):
        images.decode(buffer.getvalue(), name="a.png")


def test_no_more_processes_than_there_is_room_for(larger: bytes) -> None:
    pool = Pool(1)
    given = {"name": "x", "options": ReadOptions()}
    more = {"name": "x", "limits": Limits()}
    first = threading.Thread(target=lambda: pool.run("decode", larger, given, cancel=None, **more))
    first.start()
    while pool._room._value:
        time.sleep(0.001)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        pool.run("decode", a_file(), given, cancel=stop, **more)
    assert pool.run("decode", a_file(), given, cancel=None, **more).size == (300, 200)
    first.join()
    assert len(pool._idle) == 1
    pool.close()


def test_a_claim_that_no_memory_holds_is_refused_in_one_line(tmp_path: Path) -> None:
    """Of strips: their sizes are not those of the picture."""
    path = dng(tmp_path / "a.dng", np.random.default_rng(2).integers(0, 256, (64, 80, 3)))
    limits = Limits(memory=0, memory_per_byte=0)
    with pytest.raises(InputError, match=r"a.dng (claims|took more than 0 MiB)"):
        isolation.read_raw(path, limits=limits)
    order = Order(
        operation="decode",
        arguments={"name": "x"},
        name="x",
        memory=2**20,
        seconds=1.0,
        seconds_per_megapixel=1.0,
    )

    def hungry(data: bytes, **given: object) -> None:
        raise MemoryError

    ours, theirs = Pipe()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(worker.OPERATIONS, "decode", hungry)
        patch.setattr(worker, "_limit_memory", lambda allowed: None)
        patch.setattr(worker, "_limit_processor", lambda seconds: None)
        kind, error = worker._answer(order, b"", theirs)
    limits_module.watch_sizes(None)
    assert kind == "failed"
    assert str(error) == "x took more than 1 MiB of memory to decode"
    ours.close()


def test_where_there_are_no_such_processes_files_are_read_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnan.isolation.pool.AVAILABLE", False)
    monkeypatch.setattr(POOL, "run", None)
    (tmp_path / "a.png").write_bytes(a_file())
    path = dng(tmp_path / "a.dng", np.random.default_rng(2).integers(0, 256, (64, 80, 3)))
    assert isolation.read(tmp_path / "a.png").size == (300, 200)
    assert isolation.size_of(tmp_path / "a.png") == (300, 200)
    assert isolation.read_raw(path).size == (64, 80)
    idle = len(POOL._idle)
    POOL.warm()
    assert len(POOL._idle) == idle
