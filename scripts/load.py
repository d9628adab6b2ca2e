"""What a server does under load, against the command line on the same pictures.

    python scripts/load.py --data ../shared/data

Twenty-four validation-sized pictures through `rnan denoise`, then by clients that ask at the same
time, then by twice as many as the queue holds. Every result is compared with the command line's.
At last 500 requests, with the memory of the server. Writes the table into docs/guide/server.md and
docs/figures/server-memory.png.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx
import psutil
from PIL import Image

from pages import laid_between_marks
from rnan.engines.device import hardware_name
from rnan.engines.torch_device import choose_device
from rnan.evaluation.datasets import picture_files

PAGE = Path(__file__).parent.parent / "docs" / "guide" / "server.md"
FIGURE = PAGE.parent.parent / "figures" / "server-memory.png"
PICTURES = 24
REQUESTS = 500
TURNS = 3


@dataclass
class Seen:
    """What clients saw."""

    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    wrong: int = 0
    lost: int = 0
    seconds: float = 0.0


def by_command(pictures: Path, out: Path) -> float:
    """Seconds of the command line, with its start."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "rnan", "denoise", str(pictures), "-o", str(out)]
    subprocess.run([*command, "--sigma", "15", "--overwrite"], check=True, capture_output=True)
    return time.perf_counter() - start


def by_clients(address: str, pictures: list[Path], expected: Path, clients: int) -> Seen:
    """The pictures through the server, by so many clients at a time."""
    seen = Seen()
    waiting = list(pictures)
    lock = threading.Lock()

    def work() -> None:
        with httpx.Client(base_url=address, timeout=600) as client:
            while True:
                with lock:
                    if not waiting:
                        return
                    picture = waiting.pop(0)
                one(client, picture)

    def one(client: httpx.Client, picture: Path) -> None:
        start = time.perf_counter()
        answer = client.post(
            "/api/v1/jobs",
            files={"picture": (picture.name, picture.read_bytes())},
            data={"task": "denoise", "sigma": "15"},
        )
        if answer.status_code == 429:
            with lock:
                seen.refused += 1
            return
        job = answer.json()
        while job["state"] in ("queued", "running"):
            time.sleep(0.05)
            job = client.get(job["links"]["self"]).json()
        with lock:
            if job["state"] != "done":
                seen.lost += 1
                return
            result = client.get(job["links"]["result"]).content
            seen.latencies.append(time.perf_counter() - start)
            seen.wrong += result != (expected / picture.name).read_bytes()
        client.delete(job["links"]["self"])

    start = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.seconds = time.perf_counter() - start
    return seen


def memory_over(address: str, process: int, picture: Path) -> list[tuple[int, float]]:
    """Resident MiB of the server after so many requests."""
    watched = psutil.Process(process)
    curve = [(0, watched.memory_info().rss / 2**20)]
    with httpx.Client(base_url=address, timeout=600) as client:
        for number in range(1, REQUESTS + 1):
            client.post(
                "/api/v1/restore",
                files={"picture": (picture.name, picture.read_bytes())},
                data={"task": "denoise", "sigma": "15"},
            ).raise_for_status()
            if number % 10 == 0:
                curve.append((number, watched.memory_info().rss / 2**20))
    return curve


def draw(curve: list[tuple[int, float]]) -> None:
    """The memory over the requests."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    axes.plot(*zip(*curve, strict=True))
    highest = max(size for _, size in curve)
    axes.set(xlabel="requests", ylabel="MiB of the server", ylim=(0, 1.2 * highest))
    axes.grid(alpha=0.3)
    figure.savefig(FIGURE, dpi=100)
    plt.close(figure)


def serving(folder: Path, queue: int) -> tuple[subprocess.Popen[str], str]:
    """A server and its address."""
    command = [sys.executable, "-m", "rnan", "serve", "--port", "0", "--folder", str(folder)]
    process = subprocess.Popen(
        [*command, "--queue", str(queue)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def line(name: str, seen: Seen, alone: float) -> str:
    """A row of the table."""
    latencies = sorted(seen.latencies)
    p95 = latencies[min(len(latencies) - 1, round(0.95 * len(latencies)))]
    speed = len(latencies) / seen.seconds
    share = speed / (PICTURES / alone)
    counts = [len(latencies), seen.refused, seen.lost, seen.wrong]
    figures = [f"{speed:.2f}", f"{share:.2f}", f"{statistics.median(latencies):.1f}", f"{p95:.1f}"]
    return f"| {' | '.join([name, *map(str, counts), *figures])} |"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "pictures").mkdir()
        for file in picture_files(data / "train" / "bsd398")[:PICTURES]:
            (home / "pictures" / file.name).write_bytes(file.read_bytes())
        pictures = sorted((home / "pictures").iterdir())
        expected = home / "expected"
        alone, turns = [], []
        server, address = serving(home / "jobs", PICTURES)
        try:
            by_clients(address, pictures[:2], by_first(home, expected), 1)  # loads the network
            for _ in range(TURNS):
                alone.append(by_command(home / "pictures", expected))
                turns.append(by_clients(address, pictures, expected, 4))
        finally:
            server.terminate()
            server.wait()
        middle = sorted(turns, key=lambda seen: seen.seconds)[TURNS // 2]
        server, address = serving(home / "jobs", PICTURES // 2 - 1)
        try:
            by_clients(address, pictures[:2], expected, 1)
            full = by_clients(address, pictures, expected, PICTURES)
            small = home / "small.png"
            with Image.open(pictures[0]) as image:
                image.crop((0, 0, 96, 96)).save(small)
            draw(memory_over(address, server.pid, small))
        finally:
            server.terminate()
            server.wait()
    median = statistics.median(alone)
    machine = hardware_name(choose_device("cpu"))
    head = ["clients", "done", "refused", "lost", "other bytes"]
    head += ["a second", "of the command line", "p50, s", "p95, s"]
    table = [
        f"{PICTURES} pictures of 481×321 on {machine}; the command line takes {median:.1f} s with "
        f"its start (median of {TURNS} turns, beside those of the server).",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        line("4 at a time", middle, median),
        line(f"{PICTURES} at a time, room for {PICTURES // 2}", full, median),
    ]
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(laid_between_marks(page, "load.py", "\n".join(table)), encoding="utf-8")


def by_first(home: Path, expected: Path) -> Path:
    """The results of the command line, once."""
    by_command(home / "pictures", expected)
    return expected


if __name__ == "__main__":
    main()
