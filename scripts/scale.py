"""How far a cluster job scales: measured here, and a model of more than is here.

    python scripts/scale.py --data ../shared/data measure     writes docs/scale.json, 10 minutes
    python scripts/scale.py page                              docs/scale.md and its figures

`measure` runs the command line and the cluster job on the same pictures, and times the pieces that
one machine does for all: listing, planning, handing out blocks, bringing the manifest together.
`page` computes a job's time from them, and checks the formula by a simulation in which blocks with
recorded times are handed out one by one.
"""

from __future__ import annotations

import argparse
import heapq
import json
import logging
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pages import laid_between_marks
from rnan.cluster.inputs import find
from rnan.cluster.record import DONE, FOLDER, MANIFEST, Record
from rnan.cluster.stores import Store
from rnan.engines.device import hardware_name
from rnan.engines.torch_device import choose_device
from rnan.images import Picture, write

DOCS = Path(__file__).parent.parent / "docs"
RESULTS, PAGE = DOCS / "scale.json", DOCS / "scale.md"
FIGURES = DOCS / "figures"

PICTURES = 48
MANY = 20_000
"""Files of which listing, planning and recording are timed."""
EMPTY_BLOCKS = 1_000

BLOCK = 16
"""Pictures of a block in a large job."""


@dataclass(frozen=True, kw_only=True)
class Assumed:
    """What cannot be measured here; each can be changed in one place."""

    faster: float = 60.0
    """A GPU against one core of the machine of the measurement."""
    latency: float = 0.05
    """Seconds that an object store takes for a picture's reading and writing together."""
    requests_per_second: float = 3_500.0
    """Writing requests that one prefix of an object store takes (Amazon's word for S3)."""
    listed_per_second: float = 5_000.0
    """Names that an object store lists."""
    gpu_hour: float = 2.5
    """Dollars."""
    thousand_writes: float = 0.005
    """Dollars; reading costs a twelfth of it."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured here, in seconds unless said otherwise."""

    hardware: str
    pictures: int
    alone: float
    one_worker: float
    two_workers: float
    start: float
    """Of a job before its first picture, and after its last."""
    restoring: list[float]
    """Of each picture within the network and what is around it."""
    reading_and_writing: float
    """Of a picture."""
    share_outside: float
    """Of a worker's time between its first and last picture, outside of restoring."""
    block: float
    """To hand out a block and take its answer."""
    listing: float
    """Of a file, with the plan for it."""
    recording: float
    """Of a picture's row in the manifest."""
    planning_bytes: float
    """Of a picture in the memory of the driver."""


def seconds_of(*words: object) -> float:
    """Of a command."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "rnan", *map(str, words)], capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return time.perf_counter() - start


def measure(data: Path) -> Measured:
    """Run everything that can be run on one machine."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        pictures = home / "pictures"
        pictures.mkdir()
        for file in sorted((data / "train" / "bsd398").iterdir())[:PICTURES]:
            (pictures / file.name).write_bytes(file.read_bytes())
        one = home / "one picture"
        one.mkdir()
        write(Picture(pixels=np.zeros((16, 16, 3), np.uint8)), one / "a.png")
        how = ("--sigma", 15, "--threads", 1)
        alone = seconds_of("denoise", pictures, "-o", home / "alone", *how)
        start = seconds_of("cluster", "denoise", one, "-o", home / "start", *how)
        walls, rows = [], []
        for workers in (1, 2):
            out = home / f"workers {workers}"
            walls.append(
                seconds_of("cluster", "denoise", pictures, "-o", out, "--workers", workers, *how)
            )
            rows.append(pq.read_table(out / FOLDER / MANIFEST).to_pylist())
        restoring = [row["restore_seconds"] for row in rows[0]]
        around = [row["read_seconds"] + row["write_seconds"] for row in rows[0]]
        first = min(row["ended"] - row["restore_seconds"] for row in rows[0])
        span = max(row["ended"] for row in rows[0]) - first
        return Measured(
            hardware=hardware_name(choose_device("cpu")),
            pictures=PICTURES,
            alone=alone,
            one_worker=walls[0],
            two_workers=walls[1],
            start=start,
            restoring=restoring,
            reading_and_writing=sum(around) / len(around),
            share_outside=1.0 - sum(restoring) / span,
            block=handing_out(),
            **of_many(home),
        )


def handing_out() -> float:
    """Seconds of a block in which nothing is done."""
    import pyarrow as pa
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    DataContext.get_current().enable_progress_bars = False

    class Nothing:
        def __call__(self, block: pa.Table) -> pa.Table:
            return block.slice(0, 1)

    def run(blocks: int) -> float:
        tables = [pa.table({"block": [number] * BLOCK}) for number in range(blocks)]
        start = time.perf_counter()
        ray.data.from_arrow(tables).map_batches(
            Nothing, batch_size=None, batch_format="pyarrow", compute=ActorPoolStrategy(size=1)
        ).take_all()
        return time.perf_counter() - start

    few = run(10)
    many = run(EMPTY_BLOCKS)
    ray.shutdown()
    return (many - few) / (EMPTY_BLOCKS - 10)


def of_many(home: Path) -> dict[str, float]:
    """What the driver alone does, for each of many files."""
    import tracemalloc

    folder = home / "many"
    for number in range(MANY):
        path = folder / f"{number // 1000:03}" / f"{number:07}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    out = Store(str(home / "out"))
    start = time.perf_counter()
    entries = find([str(folder)], out, extensions=(".jpg",)).entries
    listing = (time.perf_counter() - start) / MANY
    tracemalloc.start()
    again = find([str(folder)], out, extensions=(".jpg",)).entries
    size = tracemalloc.get_traced_memory()[0] / len(again)
    tracemalloc.stop()
    record = Record(out)
    run = record.begin([entry.target for entry in entries])
    digest = "0123456789abcdef" * 4
    for block, first in enumerate(range(0, MANY, BLOCK)):
        rows = [
            {
                "source": entry.source,
                "target": entry.target,
                "status": DONE,
                "attempt": 1,
                "run": run,
                "source_sha256": digest,
                "target_sha256": digest,
                "target_size": first,
                "megapixels": 1.0,
                "ended": float(first),
            }
            for entry in entries[first : first + BLOCK]
        ]
        record.add(run, block, rows)
    start = time.perf_counter()
    record.end()
    recording = (time.perf_counter() - start) / MANY
    return {"listing": listing, "recording": recording, "planning_bytes": size}


# The model


@dataclass(frozen=True, kw_only=True)
class Times:
    """Of a job, in seconds; the parts in the middle go on at the same time."""

    listing: float
    computing: float
    handing_out: float
    storing: float
    recording: float
    start: float

    @property
    def total(self) -> float:
        """Of the whole job."""
        middle = max(self.computing, self.handing_out, self.storing)
        return self.start + self.listing + middle + self.recording

    @property
    def bottleneck(self) -> str:
        """The part that takes longest."""
        parts = {
            "the networks": self.computing,
            "handing out blocks": self.handing_out,
            "requests to the store": self.storing,
            "listing": self.listing,
            "the manifest": self.recording,
        }
        return max(parts, key=lambda name: parts[name])


def block_seconds(measured: Measured, assumed: Assumed) -> float:
    """Of a block on one GPU."""
    each = sum(measured.restoring) / len(measured.restoring) / assumed.faster
    return BLOCK * (each + assumed.latency)


def model(pictures: float, gpus: int, measured: Measured, assumed: Assumed) -> Times:
    """The formula: the slowest of what goes on at once, and what comes before and after."""
    blocks = math.ceil(pictures / BLOCK)
    rounds = blocks / gpus + (1 - 1 / gpus)  # the last block of each ends at another time
    return Times(
        start=measured.start,
        listing=pictures * max(1 / assumed.listed_per_second, measured.listing),
        computing=rounds * block_seconds(measured, assumed),
        handing_out=blocks * measured.block,
        # A picture, and for each block its mark and its rows.
        storing=(pictures + 2 * blocks) / assumed.requests_per_second,
        recording=pictures * measured.recording,
    )


def simulate(pictures: int, gpus: int, measured: Measured, assumed: Assumed) -> float:
    """Seconds between the first block and the last, each handed out by the one driver.

    A block waits for a worker, for the driver, which does one thing at a time, and for the store,
    which takes so many requests a second. Its pictures take times that were recorded.
    """
    draw = random.Random(0)
    free = [0.0] * gpus
    driver = store = 0.0
    last = 0.0
    for _ in range(math.ceil(pictures / BLOCK)):
        ready = heapq.heappop(free)
        driver = max(driver, ready) + measured.block
        work = sum(draw.choices(measured.restoring, k=BLOCK)) / assumed.faster
        written = driver + work + BLOCK * assumed.latency
        store = max(store + (BLOCK + 2) / assumed.requests_per_second, written)
        heapq.heappush(free, store if store > written else written)
        last = max(last, store)
    return last


def checked(measured: Measured, assumed: Assumed) -> list[dict[str, float]]:
    """The formula beside the simulation."""
    rows = []
    for gpus in (1, 10, 100, 300, 1000):
        pictures = min(2_000_000, 20_000 * gpus)
        times = model(pictures, gpus, measured, assumed)
        formula = max(times.computing, times.handing_out, times.storing)
        rows.append(
            {
                "gpus": gpus,
                "pictures": pictures,
                "formula": formula,
                "simulated": simulate(pictures, gpus, measured, assumed),
            }
        )
    return rows


# The page


def duration(seconds: float) -> str:
    """In the unit that suits it."""
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.1f} s"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(measured: Measured, assumed: Assumed) -> None:
    """Lay tables and figures into the document."""
    each = sum(measured.restoring) / len(measured.restoring)
    working = measured.one_worker - measured.start
    facts = [
        ["the same pictures by `rnan denoise`, one thread", f"{measured.alone:.1f} s"],
        ["one worker of one thread", f"{measured.one_worker:.1f} s"],
        ["two workers of one thread", f"{measured.two_workers:.1f} s"],
        ["a job of one tiny picture: start and end", f"{measured.start:.1f} s"],
        [
            "two workers against one, without start and end",
            f"{working / (measured.two_workers - measured.start):.2f} times as fast",
        ],
        ["restoring a picture", f"{1000 * each:.0f} ms"],
        ["reading and writing it", f"{1000 * measured.reading_and_writing:.1f} ms"],
        ["share of a worker's time outside of restoring", f"{100 * measured.share_outside:.1f} %"],
        ["handing out a block", f"{1000 * measured.block:.1f} ms"],
        ["listing and planning a picture", f"{1e6 * measured.listing:.0f} µs"],
        ["a picture in the driver's memory", f"{measured.planning_bytes:.0f} bytes"],
        ["a picture's row in the manifest", f"{1e6 * measured.recording:.0f} µs"],
    ]
    first = f"{measured.pictures} pictures of 481×321 on {measured.hardware}:\n\n"
    supposed = [
        ["a GPU against one core here", f"{assumed.faster:g} times"],
        ["reading and writing a picture in an object store", f"{1000 * assumed.latency:g} ms"],
        ["writing requests to one prefix", f"{assumed.requests_per_second:,.0f} a second"],
        ["names listed", f"{assumed.listed_per_second:,.0f} a second"],
        ["a GPU for an hour", f"${assumed.gpu_hour:g}"],
        ["a thousand writing requests", f"${assumed.thousand_writes:g}"],
    ]
    sizes = [
        jobs_row(pictures, gpus, jobs, measured, assumed)
        for pictures, jobs in ((1e6, 1), (1e7, 1), (1e9, 1), (1e9, 100))
        for gpus in (1, 10, 100, 1000)
        if gpus >= jobs
    ]
    checks = checked(measured, assumed)
    compared = [
        [
            f"{row['gpus']:,}",
            f"{row['pictures']:,}",
            duration(row["formula"]),
            duration(row["simulated"]),
            f"{100 * (row['formula'] / row['simulated'] - 1):+.1f} %",
        ]
        for row in checks
    ]
    parts = [
        first + table(["what", "measured"], facts),
        "What had to be supposed:\n\n" + table(["what", "supposed"], supposed),
        "What follows, for pictures of that size:\n\n"
        + table(
            ["pictures", "GPUs", "jobs", "time", "the longest part", "a driver's memory", "cost"],
            sizes,
        ),
        "The formula against the simulation (the middle part alone, at most two million "
        "pictures):\n\n"
        + table(["GPUs", "pictures", "formula", "simulated", "difference"], compared),
    ]
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(laid_between_marks(text, "scale.py", "\n\n".join(parts)), encoding="utf-8")
    draw(measured, assumed, checks)


def jobs_row(
    pictures: float, gpus: int, jobs: int, measured: Measured, assumed: Assumed
) -> list[str]:
    """A line of the table of sizes; several jobs share the pictures and the GPUs."""
    times = model(pictures / jobs, gpus // jobs, measured, assumed)
    dollars = gpus * times.total / 3600 * assumed.gpu_hour
    dollars += pictures / 1000 * assumed.thousand_writes * (1 + 1 / 12)
    return [
        f"{pictures:,.0f}",
        f"{gpus:,}",
        f"{jobs:,}",
        duration(times.total),
        times.bottleneck,
        f"{pictures / jobs * measured.planning_bytes / 2**30:.1f} GiB",
        f"${dollars:,.0f}",
    ]


def draw(measured: Measured, assumed: Assumed, checks: Sequence[dict[str, float]]) -> None:
    """Throughput, and what takes the time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    gpus = [round(10 ** (x / 8)) for x in range(25)]
    kinds: list[tuple[str, Callable[[Times], float]]] = [
        ("the networks", lambda times: times.computing),
        ("handing out blocks", lambda times: times.handing_out),
        ("requests to the store", lambda times: times.storing),
    ]
    pictures = 1e7
    for name, of in kinds:
        speeds = [pictures / of(model(pictures, n, measured, assumed)) for n in gpus]
        left.plot(gpus, speeds, "--", linewidth=1, label=f"limit by {name}")
    whole = [pictures / model(pictures, n, measured, assumed).total for n in gpus]
    left.plot(gpus, whole, "k-", label="whole job of 10 million")
    simulated = [row["pictures"] / row["simulated"] for row in checks]
    left.plot([row["gpus"] for row in checks], simulated, "ko", label="simulated, middle part")
    left.set(xscale="log", yscale="log", xlabel="GPUs", ylabel="pictures a second")
    left.legend(fontsize=8)
    left.grid(alpha=0.3)
    counts = (10, 100, 1000)
    names = ("listing", "middle part", "manifest")
    bottoms = [0.0] * len(counts)
    for name in names:
        heights = []
        for n in counts:
            times = model(pictures, n, measured, assumed)
            middle = max(times.computing, times.handing_out, times.storing)
            of_all = {"listing": times.listing, "middle part": middle, "manifest": times.recording}
            heights.append(of_all[name] / 60)
        right.bar([str(n) for n in counts], heights, bottom=bottoms, label=name)
        bottoms = [b + h for b, h in zip(bottoms, heights, strict=True)]
    right.set(xlabel="GPUs", ylabel="minutes, 10 million pictures", yscale="linear")
    right.legend(fontsize=8)
    figure.savefig(FIGURES / "scale.png", dpi=110)
    plt.close(figure)


def main() -> None:
    """Measure, or lay the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path)
    parser.add_argument("what", choices=["measure", "page"])
    given = parser.parse_args()
    if given.what == "measure":
        if given.data is None:
            parser.error("--data is missing")
        RESULTS.write_text(json.dumps(asdict(measure(given.data)), indent=1) + "\n")
    content: dict[str, Any] = json.loads(RESULTS.read_text())
    page(Measured(**content), Assumed())


if __name__ == "__main__":
    main()
