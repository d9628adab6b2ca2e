"""Clients that are slow, gone or in each other's way."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image

from rnan.options.server import ServerOptions
from rnan.server.app import create_app
from rnan.server.connections import protocol
from rnan.server.problems import Problem
from rnan.server.routes.shared import Parts
from serving import Server, serving


def png(side: int = 48) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@contextmanager
def listening(**limits: float) -> Iterator[int]:
    """A server that takes bodies, with short limits for its connections."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/large":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": bytes(2**26)})
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"well"})

    waiting = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=protocol(**limits), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([waiting])))
    thread.start()
    try:
        yield waiting.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        waiting.close()


def closes_within(port: int, said: bytes, seconds: float) -> bool:
    """Whether the server ends a connection on which no more is said."""
    with closing(socket.create_connection(("127.0.0.1", port))) as connection:
        connection.sendall(said)
        connection.settimeout(seconds)
        try:
            while connection.recv(4096):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("said", [b"", b"GET / HT", HEAD, HEAD + b"abc", WHOLE + b"GET"])
def test_who_says_nothing_more_is_not_waited_for(said: bytes) -> None:
    with listening(silent=0.5, stalled=0.5) as port:
        assert closes_within(port, said, 6.0)


def test_a_trickle_is_no_upload() -> None:
    with (
        listening(stalled=1.0) as port,
        closing(socket.create_connection(("127.0.0.1", port))) as connection,
    ):
        connection.sendall(HEAD)
        start = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - start < 30.0:
                connection.sendall(b"a")
                time.sleep(0.1)
        assert time.monotonic() - start < 20.0


def test_who_takes_nothing_of_an_answer_is_not_waited_for() -> None:
    with (
        listening(stalled=1.0) as port,
        closing(socket.create_connection(("127.0.0.1", port))) as connection,
    ):
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        time.sleep(4.0)
        received = 0
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(2**20):
                received += len(part)
        assert received < 2**26


def test_a_steady_client_is_waited_for() -> None:
    with (
        listening(silent=0.5, stalled=0.5, least=100) as port,
        closing(socket.create_connection(("127.0.0.1", port))) as connection,
    ):
        connection.sendall(HEAD)
        for _ in range(20):
            connection.sendall(bytes(50_000))
            time.sleep(0.15)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("jobs")) as running:
        yield running


def test_fetching_beside_removing(server: Server) -> None:
    """A result comes whole, or the job is not there."""
    seen: Counter[int] = Counter()
    with ThreadPoolExecutor(4) as pool:
        for turn in range(30):
            job = server.ended(server.post(png(), sigma="20").json())
            here = f"{server.address}/api/v1/jobs/{job['id']}"
            ways = ("result", "result?strength=0.5", "shown/after", "shown/before")
            got = [pool.submit(httpx.get, f"{here}/{way}", timeout=60) for way in ways]
            time.sleep(0.002 * (turn % 10))
            assert httpx.delete(here).status_code == 204
            for answer in (future.result() for future in got):
                seen[answer.status_code] += 1
                assert answer.status_code in (200, 404), answer.text
                if answer.status_code == 200:
                    assert Image.open(io.BytesIO(answer.content)).size == (48, 48)
                else:
                    assert "there is no such job" in answer.json()["detail"]
    assert seen[200] > 5


def test_nothing_is_left_of_what_was_removed(server: Server, tmp_path: Path) -> None:
    with serving(tmp_path) as other:
        job = other.ended(other.post(png(), sigma="20").json())
        assert other.client.get(f"/api/v1/jobs/{job['id']}/result").status_code == 200
        other.client.delete(f"/api/v1/jobs/{job['id']}")
        (folder,) = tmp_path.glob("rnan-serve-*")
        assert [path.name for path in folder.iterdir()] == ["lock"]


def test_uploads_that_are_cut_off_fill_no_log(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        host, _, port = server.address.removeprefix("http://").partition(":")
        for length in (100, 70_000):
            with closing(socket.create_connection((host, int(port)))) as connection:
                head = (
                    f"POST /api/v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 200000\r\n"
                    "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
                    'Content-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
                )
                connection.sendall(head.encode() + bytes(length))
        time.sleep(0.5)
        assert server.client.get("/healthz").text == "ok\n"
        server.process.terminate()
        _, said = server.process.communicate(timeout=30)
    assert "Traceback" not in said


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(
        create_app(ServerOptions(folder=tmp_path)), base_url="http://localhost"
    ) as there:
        yield there


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods_are_named(client: TestClient, method: str) -> None:
    answer = client.request(method, "/api/v1/restore")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert client.get("/api/v1/nothing").status_code == 404


def test_the_page_is_still_there(client: TestClient) -> None:
    assert "<title>" in client.get("/").text
    assert client.get("/nothing.html").status_code == 404


def test_one_client_does_not_look_at_everything(client: TestClient) -> None:
    class Someone:
        class client:
            host = "1.2.3.4"

        async def is_disconnected(self) -> bool:
            return False

    async def crowd() -> list[str]:
        parts = Parts(ServerOptions(), client.app.state.jobs, None)  # type: ignore[arg-type]
        leave = asyncio.Event()
        said = []

        async def look() -> None:
            try:
                async with parts.turn(Someone()):  # type: ignore[arg-type]
                    await leave.wait()
            except Problem as problem:
                said.append(f"{problem.status} {problem.detail}")

        looking = [asyncio.create_task(look()) for _ in range(18)]
        await asyncio.sleep(0.05)
        leave.set()
        await asyncio.gather(*looking)
        assert not parts._looked_at
        return said

    assert asyncio.run(crowd()) == ["429 16 of your pictures are being looked at"] * 2
