"""A job on a cluster: every good picture has exactly one result, whatever is lost on the way."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest
import torch

from conftest import photo
from rnan import __version__ as rnan_version
from rnan.cli.main import main
from rnan.cluster import ClusterJob, run
from rnan.cluster.attempts import MOST_DEATHS, Attempts
from rnan.cluster.inputs import Entry, find
from rnan.cluster.job import _blocks, _ours, is_complete
from rnan.cluster.nodes import Room
from rnan.cluster.record import FOLDER, MANIFEST, Record
from rnan.cluster.stores import Store
from rnan.cluster.worker import Order, Worker, look_around
from rnan.errors import ConfigError, InputError, MissingExtraError, ResourceError, WeightsError
from rnan.images import Picture, write
from rnan.options.request import make_request
from rnan.pipeline.pipeline import Pipeline
from rnan.weights import registry

pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra cluster")

PICTURES = 12
WITH = ("--sigma", "9", "--dtype", "float32", "--threads", "1")


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, some in a folder within, one of them broken."""
    folder = tmp_path_factory.mktemp("album") / "my album"
    for index in range(PICTURES):
        below = folder / ("deeper" if index % 3 == 0 else ".")
        write(Picture(pixels=photo(160, 200, seed=index)), below / f"{index:02}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    return folder


@pytest.fixture(scope="module")
def alone(album: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process makes of them, by name."""
    out = tmp_path_factory.mktemp("alone")
    done = rnan("denoise", album, "-o", out, "--recursive", *WITH)
    assert done.returncode == 3, done.stderr
    return contents(out)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two machines of one processor each, on this one."""
    with Machines() as machines:
        machines.add()
        machines.add()
        yield machines


class Machines:
    """A Ray cluster of processes on this machine; another one that runs here is left alone."""

    def __enter__(self) -> Machines:
        self.before = dict(os.environ)
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
        # Its own folder, short since sockets lie in it: by that its processes are known.
        self.folder = Path(tempfile.mkdtemp(prefix="rnan-ray-", dir="/tmp"))
        head = ("--head", "--include-dashboard=false", "--port=0", "--num-cpus=0")
        self._start(*head, f"--temp-dir={self.folder}")
        self.address = (self.folder / "ray_current_cluster").read_text().strip()
        self.raylets: list[psutil.Process] = []
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._own():
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(self._own(), timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.environ.clear()
        os.environ.update(self.before)

    def add(self) -> psutil.Process:
        before = self._raylets()
        self._start(f"--address={self.address}", "--num-cpus=1")
        new = [process for process in self._raylets() if process not in before]
        self.raylets.append(new[0])
        return new[0]

    def lose(self) -> None:
        """Kill the machine that came last, with all that runs there."""
        machine = self.raylets.pop()
        for process in (*machine.children(recursive=True), machine):
            process.kill()

    def workers(self) -> list[psutil.Process]:
        """Processes that restore."""
        return [process for process in self._own() if "ray::MapWorker" in name_of(process)]

    def _raylets(self) -> list[psutil.Process]:
        return [process for process in self._own() if name_of(process).startswith("raylet ")]

    def _own(self) -> list[psutil.Process]:
        """Those that have this cluster's folder in their command line, and what they started."""
        own: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if any(str(self.folder) in word for word in process.cmdline()):
                    children = process.children(recursive=True)
                    own.update({one.pid: one for one in (process, *children)})
        return list(own.values())

    def _start(self, *words: str) -> None:
        ray = str(Path(sys.executable).with_name("ray"))
        command = [ray, "start", "--disable-usage-stats", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr


def name_of(process: psutil.Process) -> str:
    try:
        return process.name() + " " + " ".join(process.cmdline()[:1])
    except psutil.Error:
        return ""


def rnan(*words: object, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rnan", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **more)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*.png"))
    }


def manifest(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(out / FOLDER / MANIFEST).to_pylist()
    return rows


def check(out: Path, alone: dict[str, bytes]) -> list[dict[str, Any]]:
    """Each good picture has its one result, byte for byte; the manifest has one row for each."""
    assert contents(out) == alone
    rows = manifest(out)
    assert len({row["source"] for row in rows}) == len(rows) == len(alone) + 1
    failed = [row for row in rows if row["status"] == "failed"]
    assert [Path(row["source"]).name for row in failed] == ["broken.png"]
    assert "is not a picture" in failed[0]["error"]
    assert "/tmp" not in failed[0]["error"].replace(failed[0]["source"], "")
    assert not (out / FOLDER / "runs").exists()
    left = [path.name for path in out.rglob(".*") if path.is_file()]
    assert left == []
    return rows


class Driver:
    """A job that runs in the background."""

    def __init__(self, album: Path, out: Path, address: str, *more: str) -> None:
        command = [sys.executable, "-m", "rnan", "cluster", "denoise", str(album), "-o", str(out)]
        command += [*WITH, "--address", address, "--workers", "2", *more]
        self.out = out
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def until(self, number: int) -> None:
        """Wait until some results are there."""
        limit = time.monotonic() + 120
        while len(contents(self.out)) < number:
            assert self.process.poll() is None, self.process.communicate()[1].decode()
            assert time.monotonic() < limit
            time.sleep(0.02)

    def until_both_work(self, cluster: Machines) -> None:
        """Wait until two blocks are begun and not done, and stop what works on them."""
        limit = time.monotonic() + 60
        while True:
            assert self.process.poll() is None
            assert time.monotonic() < limit
            if self.blocks_at_work() == 2:
                workers = cluster.workers()
                for worker in workers:
                    worker.suspend()
                if self.blocks_at_work() == 2:
                    return
                for worker in workers:
                    worker.resume()
            time.sleep(0.01)

    def blocks_at_work(self) -> int:
        """Blocks that are begun and not done."""
        run = self.out / FOLDER / "runs" / "0001"
        return len(list(run.glob("begun/*"))) - len(list(run.glob("done/*")))

    def end(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=240)
        return self.process.returncode, errors.decode()


def kill_one(machines: Machines) -> None:
    first, *others = machines.workers()
    first.kill()
    for worker in others:
        worker.resume()


def kill_all(machines: Machines) -> None:
    for worker in machines.workers():
        worker.kill()


def lose_machine(machines: Machines) -> None:
    machines.lose()
    for worker in machines.workers():
        worker.resume()
    machines.add()


@pytest.mark.slow
@pytest.mark.parametrize(
    "harm",
    [kill_one, *(pytest.param(harm, marks=pytest.mark.bars) for harm in (kill_all, lose_machine))],
)
def test_whatever_is_lost_each_picture_has_one_result(
    cluster: Machines,
    album: Path,
    alone: dict[str, bytes],
    tmp_path: Path,
    harm: Callable[[Machines], None],
) -> None:
    driver = Driver(album, tmp_path / "out", cluster.address)
    driver.until(2)
    driver.until_both_work(cluster)
    harm(cluster)
    code, errors = driver.end()
    assert code == 3, errors
    assert f"{len(alone)} done, 0 skipped, 1 failed" in errors
    rows = check(tmp_path / "out", alone)
    assert any(row["attempt"] > 1 for row in rows)
    assert "0 more than once" not in errors


@pytest.mark.slow
@pytest.mark.parametrize(
    "how", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.bars)]
)
def test_a_driver_that_was_stopped_goes_on(
    cluster: Machines, album: Path, alone: dict[str, bytes], tmp_path: Path, how: signal.Signals
) -> None:
    out = tmp_path / "out"
    driver = Driver(album, out, cluster.address)
    driver.until(3)
    driver.process.send_signal(how)
    code, errors = driver.end()
    assert code == (130 if how == signal.SIGINT else -how), errors
    assert "Traceback" not in errors
    assert len(contents(out)) >= 3
    again = Driver(album, out, cluster.address, "--resume")
    code, errors = again.end()
    assert code == 3, errors
    rows = check(out, alone)
    assert {row["run"] for row in rows} <= {1, 2}
    asked = ("cluster", "denoise", album, "-o", out, *WITH)
    left = rnan(*asked, "--resume", "--dry-run")
    assert [line.split(" -> ")[0] for line in left.stdout.splitlines()] == [
        str(album / "broken.png")
    ]
    assert rnan(*asked, "--dry-run").returncode == 2  # as without --dry-run


@pytest.mark.slow
def test_this_machine_alone_starts_no_dashboard(album: Path, tmp_path: Path) -> None:
    """A part of it would ask clouds what they are (findings/ray-cloud-metadata.sh)."""
    command = [sys.executable, "-m", "rnan", "cluster", "denoise", str(album / "01.png")]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    process = subprocess.Popen(
        [*command, "-o", str(tmp_path / "out"), *WITH],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    seen = set()
    while process.poll() is None:
        with suppress(psutil.Error):
            for one in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    seen.add(" ".join(one.cmdline()))
        time.sleep(0.05)
    assert process.returncode == 0
    assert any("raylet" in line for line in seen)
    assert not [line for line in seen if "dashboard/dashboard.py" in line]


@pytest.mark.slow
@pytest.mark.bars
def test_a_full_disk(album: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode != 0:
        pytest.skip("cannot make a small disk here")
    out, kept = tmp_path / "out", tmp_path / "kept"
    words = [sys.executable, "-m", "rnan", "cluster", "denoise", str(album), "-o", str(out), *WITH]
    full = sum(map(len, alone.values())) // 2
    script = """
mkdir "$1"; mount -t tmpfs -o size="$3" tmpfs "$1"; shift; kept=$1; shift; shift
"$@" > /dev/null; echo "first $?"
mount -o remount,size=64m "$OUT"
"$@" --resume > /dev/null; echo "second $?"
cp -r "$OUT" "$kept"
"""
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script, "bash", out, kept, str(full), *words],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OUT": str(out)},
    )
    codes = done.stdout.split()
    assert codes[0::2] == ["first", "second"], done.stderr
    assert int(codes[1]) in (3, 4), done.stderr
    assert "no space left" in done.stderr
    assert codes[3] == "3", done.stderr
    check(kept, alone)


@pytest.mark.slow
@pytest.mark.bars
def test_an_object_store(album: Path, alone: dict[str, bytes], tmp_path: Path) -> None:
    """The protocol of S3, spoken by a server on this machine."""
    with object_store() as environment:
        bucket = Store("s3://photos/all of them")
        for path in sorted(album.rglob("*.png")):
            bucket.write(f"{bucket.root}/{path.relative_to(album)}", path.read_bytes())
        words = ("cluster", "denoise", bucket.address, "-o", "s3://photos/better", *WITH)
        done = rnan(*words, env=environment)
        assert done.returncode == 3, done.stderr
        better = Store("s3://photos/better")
        results = {
            file.path.removeprefix("photos/better/"): better.read(file.path)
            for file in better.files(better.root)
            if file.path.endswith(".png")
        }
        assert results == alone
        rows = Record(better).rows()
        assert rows["s3://photos/all of them/01.png"]["status"] == "done"
        again = rnan(*words, "--resume", env=environment)
        assert f"0 done, {len(alone)} skipped, 1 failed" in again.stderr
        assert inputs_of("s3://photos/all of them/0[12].png", out=tmp_path) == ["01.png", "02.png"]
        lost = rnan("cluster", "denoise", "s3://nowhere/x", "-o", tmp_path / "o", env=environment)
        assert (lost.returncode, len(lost.stderr.splitlines())) == (1, 1)
        bad = rnan("cluster", "denoise", album, "-o", "s3://nowhere/x", *WITH, env=environment)
        assert (bad.returncode, len(bad.stderr.splitlines())) == (1, 1), bad.stderr


@contextmanager
def object_store() -> Iterator[dict[str, str]]:
    """A server with one bucket, and the variables that lead to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            with socket.socket() as caller:
                if caller.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        where = f"http://127.0.0.1:{port}/photos"
        with urllib.request.urlopen(urllib.request.Request(where, method="PUT")):
            pass
        yield {**before, **variables}
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.kill()
        server.wait()


@pytest.mark.slow
def test_a_store_that_does_not_answer(tmp_path: Path) -> None:
    address = "s3://photos/x?scheme=http&endpoint_override=127.0.0.1:9&region=us-east-1"
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    done = rnan("cluster", "denoise", address, "-o", tmp_path / "out", env=environment)
    assert (done.returncode, "cannot be reached" in done.stderr) == (1, True), done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_cluster_that_does_not_answer(album: Path, tmp_path: Path) -> None:
    done = rnan("cluster", "auto", album, "-o", tmp_path / "out", "--address", "127.0.0.1:9")
    assert (done.returncode, "no Ray cluster answers" in done.stderr) == (1, True), done.stderr
    assert len(done.stderr.splitlines()) == 1


SAYS_ITS_THREADS = """
import sys
import threading
from rnan.cli.main import main

try:
    main(sys.argv[1:])
finally:
    print([thread.name for thread in threading.enumerate()])
"""


@pytest.mark.slow
def test_a_job_without_progress_gives_up(album: Path, tmp_path: Path) -> None:
    words = ["cluster", "denoise", album, "-o", tmp_path / "out", "--patience", "0.01", *WITH]
    done = subprocess.run(
        [sys.executable, "-c", SAYS_ITS_THREADS, *map(str, words)], capture_output=True, text=True
    )
    assert (done.returncode, "no picture was finished" in done.stderr) == (4, True), done.stderr
    assert len(done.stderr.splitlines()) == 1
    # One that Ray is still used in starts another Ray, and crashes the process at its end.
    assert done.stdout == "['MainThread']\n"


# Without Ray


def order(tmp_path: Path, **more: Any) -> Order:
    return Order(
        request=make_request("denoise", {}),
        weights=None,
        overwrite=False,
        stores=[],
        output=Store(str(tmp_path)),
        run=1,
        settings="",
        threads=torch.get_num_threads(),
        **more,
    )


@pytest.mark.slow
def test_machines_of_another_kind(tmp_path: Path) -> None:
    """Another version, missing weights, other weights: said before, and again by each worker."""
    right = registry.sha256("denoise-color")
    assert look_around(rnan_version, {"denoise-color": right}) == ""
    assert "the driver 0.0.1" in look_around("0.0.1", {})
    assert "lacks the weights nothing" in look_around(rnan_version, {"nothing": right})
    assert "other weights of the name" in look_around(rnan_version, {"denoise-color": "0"})
    with pytest.raises(ConfigError, match=r"the driver 0\.0\.1; install one version"):
        Worker(order(tmp_path, version="0.0.1"))


@pytest.mark.parametrize("ending", [".onnx", ".safetensors"])
def test_a_worker_gives_weights_the_ending_that_tells_what_they_are(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Path] = []
    monkeypatch.setattr(
        "rnan.cluster.worker.Pipeline", lambda request: taken.append(Path(str(request.model)))
    )
    request = make_request("denoise", {"model": f"/elsewhere/mine{ending}"})
    worker = Worker(replace(order(tmp_path), request=request, weights=b"content"))
    assert taken[0].suffix == ending
    assert taken[0].read_bytes() == b"content"
    worker._home.close()


def inputs_of(*inputs: object, out: Path, **more: Any) -> list[str]:
    found = find([str(path) for path in inputs], Store(str(out)), extensions=(".png",), **more)
    return [entry.target for entry in found.entries]


def test_inputs(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert len(inputs_of(album, out=out)) == PICTURES + 1
    assert inputs_of(album / "01.png", out=out) == ["01.png"]
    assert inputs_of(album / "0[12].png", out=out) == ["01.png", "02.png"]
    assert inputs_of(album / "**/*3.png", out=out) == ["deeper/03.png"]
    assert inputs_of(album / "?1.png", out=out, ending=".tif") == ["01.tif", "11.tif"]
    assert inputs_of(album, out=out, only=["deeper/03.png"]) == ["deeper/03.png"]
    assert inputs_of(album, out=out, name="{stem}-x{ext}")[0] == "01-x.png"
    # Results in a folder within are no inputs.
    assert len(inputs_of(album, out=album / "deeper")) == PICTURES + 1 - 4
    assert "deeper/03.png" not in inputs_of(album / "**", out=album / "deeper")
    (album / ".hidden.png").touch()
    (album / "notes.txt").touch()
    assert inputs_of(album / "**", out=out) == inputs_of(album, out=out)
    for name in (".hidden.png", "notes.txt"):
        (album / name).unlink()
    assert "01.png" not in inputs_of(album / "0[!1].png", out=out)
    (tmp_path / "link").symlink_to(album)
    for other_way in (album, album / "deeper" / "..", tmp_path / "link"):
        with pytest.raises(InputError, match="would be overwritten"):
            inputs_of(album / "01.png", out=other_way)
    with pytest.raises(ConfigError, match="both be written"):
        inputs_of(album / "01.png", album / "02.png", out=out, name="same.png")
    with pytest.raises(InputError, match="does not exist"):
        inputs_of(tmp_path / "nowhere", out=out)
    with pytest.raises(InputError, match="nothing matches"):
        inputs_of(album / "*.tif", out=out)
    with pytest.raises(InputError, match="is not below"):
        inputs_of(album, out=out, only=["../secret.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no pictures"):
        inputs_of(tmp_path / "empty", out=out)
    with pytest.raises(InputError, match="no address"):
        inputs_of("nonsense://x/y", out=out)


def test_a_picture_that_kills_its_process_is_blamed(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    place = f"{store.root}/begun"
    Attempts(store, place).begin()  # the first one marks no pictures
    for death in range(MOST_DEATHS):
        attempt = Attempts(store, place)
        attempt.begin()
        assert attempt.number == death + 2
        assert not any(attempt.blames(picture) for picture in range(4))  # dies at the last
    last = Attempts(store, place)
    last.begin()
    assert [last.blames(picture) for picture in range(6)] == [False] * 3 + [True] + [False] * 2


def test_what_is_complete() -> None:
    """Only what is there, unchanged and made in the same way is left out by --resume."""
    entry = Entry(source="a.png", store=0, path="a.png", target="a.png", size=5, modified=7)
    row = {
        "status": "done",
        "source_size": 5,
        "source_modified": 7,
        "settings": "s",
        "target": "a.png",
        "target_size": 9,
    }
    there = {"a.png": 9}
    assert is_complete(entry, row, "s", there)
    assert not is_complete(replace(entry, modified=8), row, "s", there)
    assert not is_complete(replace(entry, size=6), row, "s", there)
    assert not is_complete(replace(entry, target="b.png"), row, "s", there)
    assert not is_complete(entry, row, "other", there)
    assert not is_complete(entry, row | {"status": "failed"}, "s", there)
    assert not is_complete(entry, row, "s", {"a.png": 8})
    assert not is_complete(entry, row, "s", {})
    assert is_complete(replace(entry, size=0, modified=0), row, "s", there)  # of a list of names


READS_A_RECORD = """
import sys
import psutil
import pyarrow.parquet
from rnan.cluster.record import Record
from rnan.cluster.stores import Store

record = Record(Store(sys.argv[1]))
record.store.kind(sys.argv[1])
before = psutil.Process().num_threads()
assert len(record.rows()) == 1 and len(record.planned()) == 2
print(psutil.Process().num_threads() - before)
"""


def test_reading_a_record_leaves_no_threads(tmp_path: Path) -> None:
    """They would abort one process in four at its end, with all its work done."""
    record = Record(Store(str(tmp_path)))
    number = record.begin(["a.png", "b.png"])
    record.add(number, 0, [{"source": "a", "target": "a.png", "run": number, "ended": 1.0}])
    words = [sys.executable, "-c", READS_A_RECORD, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def test_outputs_of_others_stay(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "01.png").write_bytes(b"theirs")
    request = make_request("denoise", {})
    job = ClusterJob(inputs=[str(album / "01.png")], output=str(out), request=request)
    summary = run(job)
    assert summary.counts["failed"] == 1
    ((_, error),) = summary.failures
    assert isinstance(error, InputError)
    assert str(error) == "01.png exists; pass --overwrite to replace it"
    assert (out / "01.png").read_bytes() == b"theirs"
    with pytest.raises(ConfigError, match="resume=True or overwrite=True"):
        run(job)


def test_a_picture_too_large_for_the_memory(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kind of an error comes back from the worker, through the manifest, to the exit code."""

    def restore(self: Pipeline, plan: Any) -> NoReturn:
        raise ResourceError("not enough memory")

    def here(
        job: ClusterJob, order: Order, room: Room, todo: list[Entry]
    ) -> Iterator[dict[str, Any]]:
        worker = Worker(order)
        for block in _blocks(todo, 1):
            yield from worker(block).to_pylist()
        worker._home.close()

    monkeypatch.setattr(Pipeline, "__call__", restore)
    monkeypatch.setattr("rnan.cluster.job.connected", lambda _: nullcontext(Room(1, 0, 1)))
    monkeypatch.setattr("rnan.cluster.job.check_machines", lambda _: None)
    monkeypatch.setattr("rnan.cluster.job._results", here)
    command = ("cluster", "denoise", *(str(album / f"0{n}.png") for n in (1, 2)))
    with pytest.raises(SystemExit) as ended:
        main([*command, "-o", str(tmp_path / "out"), "--sigma", "20"])
    assert ended.value.code == 4
    assert [row["kind"] for row in manifest(tmp_path / "out")] == 2 * ["ResourceError"]


@pytest.mark.slow
def test_before_any_work(album: Path, tmp_path: Path) -> None:
    """What can be known is said before Ray is asked for anything."""
    out = tmp_path / "out"
    for words, code, said in (
        (("denoise", album, "--sigma", "900"), 2, "sigma"),
        (("denoise", album, "--quality", "9"), 2, "--quality is not for denoise"),
        (("upscale", album, "--sigma", "9"), 2, "--sigma is not for upscale"),
        (("demosaic", album, "--sigma", "auto"), 2, "takes a number"),
        (("denoise", album, "--model", "nothing.safetensors"), 5, "do not exist"),
        (("denoise", tmp_path / "nowhere"), 1, "does not exist"),
        (("denoise", album, "--files-from", tmp_path / "none.txt"), 1, "cannot be read"),
    ):
        done = rnan("cluster", *words, "-o", out)
        assert (done.returncode, said in done.stderr) == (code, True), done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not out.exists()
    listed = rnan("cluster", "denoise", album, "-o", out, "--dry-run")
    assert len(listed.stdout.splitlines()) == PICTURES + 1
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [ConfigError, InputError, MissingExtraError, ResourceError, WeightsError]
)
def test_errors_keep_their_kind_in_what_ray_says(kind: type[Exception]) -> None:
    said = (
        f"\x1b[36mray::Worker()\x1b[39m\n  File x, line 1\nrnan.errors.{kind.__name__}: it is bad"
    )
    error = _ours(RuntimeError(said))
    assert type(error) is kind
    assert str(error) == "it is bad"
