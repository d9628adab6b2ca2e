"""A real server for tests: the command line in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx


class Server:
    """A running ``rnan serve``."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process, self.address = process, address.rstrip("/")
        self.client = httpx.Client(base_url=self.address, timeout=120)

    def post(self, data: bytes, name: str = "a.png", **fields: object) -> httpx.Response:
        """A job for a picture."""
        return self.client.post(
            "/api/v1/jobs", files={"picture": (name, data)}, data={"task": "denoise", **fields}
        )

    def ended(self, job: dict[str, object], seconds: float = 120) -> dict[str, object]:
        """The status of a job once it has ended."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            now = self.client.get(f"/api/v1/jobs/{job['id']}").json()
            if now["state"] in ("done", "failed", "cancelled"):
                return now
            time.sleep(0.05)
        raise AssertionError(f"job did not end: {now}")


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """A server at any free port, with its jobs in ``folder``."""
    command = [sys.executable, "-m", "rnan", "serve", "--port", "0", "--folder", str(folder)]
    process = subprocess.Popen(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://"), process.communicate()[1]
    server = Server(process, address)
    try:
        yield server
    finally:
        server.client.close()
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
