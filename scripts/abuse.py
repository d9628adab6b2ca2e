"""32 clients against a server for ten minutes: good, hostile, slow, cut-off and cancelled requests.

    python scripts/abuse.py --minutes 10

Says what good clients got and when, and what is left afterwards: memory, threads, open files,
processes and temporary files. Fails where a good result is not what the command line makes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from mutations import mutated, seeds
from serving import serving

HOSTILE = ("png", "jpeg", "tiff", "webp", "avif", "heif", "gif", "bmp", "ppm", "dng")
SIDES = (48, 96, 160)
OPTIONS = {"task": "denoise", "sigma": "20"}


class Clients:
    """What the clients share."""

    def __init__(self, address: str, end: float, wanted: dict[int, tuple[bytes, bytes]]) -> None:
        self.address, self.end, self.wanted = address, end, wanted
        self.counts: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.wrong: list[str] = []
        self.whole = seeds()

    def run(self, number: int) -> None:
        """One client: most of the time a good one."""
        rng = random.Random(number)
        ways = (self.good, self.good, self.hostile, self.cut_off, self.cancelled, self.silent)
        with httpx.Client(base_url=self.address, timeout=300) as client:
            while time.monotonic() < self.end:
                way = rng.choice(ways)
                try:
                    said = way(client, rng)
                except httpx.HTTPError as error:
                    said = f"no answer: {type(error).__name__}"
                    if way is self.good:
                        self.wrong.append(said)
                self.counts[f"{way.__name__}: {said}"] += 1

    def good(self, client: httpx.Client, rng: random.Random) -> str:
        """A picture, and its right result."""
        side = rng.choice(SIDES)
        data, right = self.wanted[side]
        start = time.monotonic()
        answer = client.post("/api/v1/restore", files={"picture": ("a.png", data)}, data=OPTIONS)
        if answer.status_code == 429:
            time.sleep(0.5)
            return "429"
        self.seconds.append(time.monotonic() - start)
        if answer.status_code != 200 or answer.content != right:
            self.wrong.append(f"{side}: {answer.status_code} {answer.text[:200]}")
            return "wrong"
        return "right"

    def hostile(self, client: httpx.Client, rng: random.Random) -> str:
        """A damaged file."""
        kind = rng.choice(HOSTILE)
        data = mutated(kind, self.whole[kind], rng)
        where = rng.choice(("inspect", "preview", "restore"))
        files = {"picture": (f"a.{kind}", data)}
        fields = OPTIONS if where == "restore" else {}
        answer = client.post(f"/api/v1/{where}", files=files, data=fields)
        if answer.status_code >= 500 and answer.status_code != 507:
            self.wrong.append(f"{kind} to {where}: {answer.text[:300]}")
        return str(answer.status_code)

    def cut_off(self, client: httpx.Client, rng: random.Random) -> str:
        """An upload whose client goes away."""
        host, _, port = self.address.removeprefix("http://").rstrip("/").partition(":")
        head = (
            f"POST /api/v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 500000\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
            'Content-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'
        )
        with closing(socket.create_connection((host, int(port)))) as connection:
            connection.sendall(head.encode() + bytes(rng.randrange(300_000)))
            time.sleep(0.2 * rng.random())
        return "gone"

    def cancelled(self, client: httpx.Client, rng: random.Random) -> str:
        """A job that is removed, at any time."""
        data, _ = self.wanted[rng.choice(SIDES)]
        answer = client.post("/api/v1/jobs", files={"picture": ("a.png", data)}, data=OPTIONS)
        if answer.status_code != 202:
            return str(answer.status_code)
        time.sleep(rng.random() ** 3)
        return str(client.delete(answer.headers["location"]).status_code)

    def silent(self, client: httpx.Client, rng: random.Random) -> str:
        """A connection on which little is said."""
        host, _, port = self.address.removeprefix("http://").rstrip("/").partition(":")
        with closing(socket.create_connection((host, int(port)))) as connection:
            connection.sendall(rng.choice((b"", b"GET / HT", b"nonsense\r\n\r\n")))
            time.sleep(2.0)
        return "gone"


def taken(server: psutil.Process) -> dict[str, int]:
    """What a server takes."""
    below = server.children(recursive=True)
    memory = server.memory_info().rss
    for one in below:
        with contextlib.suppress(psutil.Error):
            memory += one.memory_info().rss
    return {
        "MiB": memory // 2**20,
        "MiB of the server alone": server.memory_info().rss // 2**20,
        "threads": server.num_threads(),
        "open files": server.num_fds(),
        "processes": len(below),
    }


def right_results(folder: Path) -> dict[int, tuple[bytes, bytes]]:
    """Pictures of each size, and what the command line makes of them."""
    found = {}
    for side in SIDES:
        pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        (folder / f"{side}.png").write_bytes(buffer.getvalue())
    command = [sys.executable, "-m", "rnan", "denoise", "--sigma", "20", "--quiet", "-o"]
    given = [str(folder / f"{side}.png") for side in SIDES]
    subprocess.run([*command, str(folder / "out"), *given], check=True)
    for side in SIDES:
        right = (folder / "out" / f"{side}.png").read_bytes()
        found[side] = ((folder / f"{side}.png").read_bytes(), right)
    return found


def abuse(minutes: float, clients: int) -> dict[str, Any]:
    """What became of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "jobs").mkdir()
        wanted = right_results(folder)
        with serving(folder / "jobs") as server:
            process = psutil.Process(server.process.pid)
            everyone = Clients(server.address, time.monotonic() + 5, wanted)
            everyone.run(0)  # networks and decoders are loaded
            before = taken(process)
            everyone = Clients(server.address, time.monotonic() + 60 * minutes, wanted)
            threads = [
                threading.Thread(target=everyone.run, args=(number,)) for number in range(clients)
            ]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            time.sleep(20.0)
            after = taken(process)
            left = [path.name for path in next((folder / "jobs").glob("rnan-serve-*")).iterdir()]
            start = time.monotonic()
            server.process.terminate()
            _, log = server.process.communicate(timeout=60)
            ended = time.monotonic() - start
    seconds = np.array(everyone.seconds)
    return {
        "minutes": minutes,
        "clients": clients,
        "counts": dict(sorted(everyone.counts.items())),
        "good": {
            "number": len(seconds),
            "median seconds": round(float(np.median(seconds)), 2),
            "p95 seconds": round(float(np.percentile(seconds, 95)), 2),
        },
        "before": before,
        "after": after,
        "left in the folder": left,
        "seconds to end": round(ended, 1),
        "tracebacks in the log": log.count("Traceback"),
        "wrong": everyone.wrong[:20],
    }


def main() -> None:
    """Run it and say what became of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=32)
    found = abuse(**vars(parser.parse_args()))
    print(json.dumps(found, indent=1))
    if found["wrong"]:
        raise SystemExit("not everything was right")


if __name__ == "__main__":
    main()
