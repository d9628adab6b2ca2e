"""The HTTP API: what it answers, what it refuses, and what it leaves behind."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import psutil
import pytest
import tifffile
from PIL import Image

import raws
from conftest import photo, rnan
from hostile import REFUSED, RIGHT, corpus, encoded
from rnan.api import load_restorer
from rnan.degradations.mosaic import mosaic
from rnan.errors import ConfigError
from rnan.images import decode, read
from rnan.images.raw import read_raw
from rnan.options.levels import LEVELS
from rnan.options.request import request_options
from rnan.options.restoring import RestoreOptions
from rnan.pipeline.inspection import inspect
from rnan.pipeline.scratch import Scratch

pytest.importorskip("fastapi", reason="needs the extra web")

from fastapi.testclient import TestClient

from rnan.server import ServerOptions, create_app
from rnan.server.jobs import Jobs
from rnan.server.problems import Problem
from rnan.server.studio import Studio
from serving import Server, serving

API = "/api/v1"
RAW_NOISE = [(raws.NOISE_PROFILE, "d", 2, (1.6e-3, 4e-5))]


EXACT = ("--engine", "torch", "--dtype", "float32")
"""So that another process comes to the same bits."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("jobs"), *EXACT) as running:
        yield running


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """The app without a network, for what needs no restoring."""
    options = ServerOptions(
        folder=tmp_path / "jobs", max_upload=200_000, max_megapixels=0.1, max_output_pixels=200_000
    )
    with TestClient(create_app(options), base_url="http://localhost") as made:
        yield made


def noisy(height: int = 48, width: int = 64) -> bytes:
    return encoded("PNG", (height, width))


def problem(answer: Any, status: int, words: str) -> None:
    """A refusal in the form of RFC 9457."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    content = answer.json()
    assert (content["status"], content["type"]) == (status, "about:blank")
    assert words in content["detail"], content
    assert "tmp" not in content["detail"]


def test_a_job_is_what_the_command_line_makes(server: Server, tmp_path: Path) -> None:
    source = tmp_path / "my photo.jpg"
    source.write_bytes(encoded("JPEG", (80, 96), quality=60, dpi=(300, 300)))
    posted = server.post(source.read_bytes(), "my photo.jpg", sigma="12")
    assert posted.status_code == 202
    assert posted.headers["location"] == posted.json()["links"]["self"]
    ended = server.ended(posted.json())
    assert (ended["state"], ended["said"]) == ("done", "sigma 12.0 given")
    result = server.client.get(f"{posted.headers['location']}/result")
    assert result.headers["content-type"] == "image/jpeg"
    assert 'filename="my photo.jpg"' in result.headers["content-disposition"]
    command = [sys.executable, "-m", "rnan", "denoise", str(source), "-o", str(tmp_path / "b.jpg")]
    subprocess.run([*command, "--sigma", "12", *EXACT], check=True)
    assert result.content == (tmp_path / "b.jpg").read_bytes()
    assert server.client.delete(posted.headers["location"]).status_code == 204
    problem(server.client.get(posted.headers["location"]), 404, "no such job")


def test_each_level_is_its_own(server: Server) -> None:
    """Loaded networks are kept from one job to the next, but not what they were told."""
    picture = noisy()
    for sigma in (5, 60, 5):
        job = server.post(picture, sigma=str(sigma)).json()
        assert server.ended(job)["said"] == f"sigma {sigma:.1f} given"
        result = decode(server.client.get(job["links"]["result"]).content).pixels
        restorer = load_restorer("denoise-color", engine="torch", dtype="float32")
        assert np.array_equal(result, restorer(decode(picture).pixels, level=sigma))


def test_progress_is_sent(server: Server) -> None:
    job = server.post(noisy(), sigma="9").json()
    with server.client.stream("GET", f"{API}/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in stream.iter_lines() if line.startswith("data: ")]
    states = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert states[-1]["state"] == "done"
    assert states[-1]["tiles"]["done"] == states[-1]["tiles"]["total"] == 1
    assert states[-1]["result_name"] == "a.png"


def test_straight_through(server: Server) -> None:
    for task, fields, size in (
        ("denoise", {"sigma": "15"}, (48, 64)),
        ("auto", {}, (48, 64)),
        ("upscale", {"scale": "2"}, (96, 128)),
    ):
        answer = server.client.post(
            f"{API}/restore", files={"picture": ("a.png", noisy())}, data={"task": task, **fields}
        )
        assert answer.status_code == 200, answer.text
        assert decode(answer.content).size == size
        assert answer.headers["x-done"]
    tiff = server.client.post(
        f"{API}/restore",
        files={"picture": ("a.png", noisy())},
        data={"task": "denoise", "format": "tiff", "bit_depth": "16"},
    )
    assert decode(tiff.content).pixels.dtype == np.uint16
    assert 'filename="a.tif"' in tiff.headers["content-disposition"]


def test_strength_blends_what_is_there(server: Server) -> None:
    source = noisy()
    job = server.post(source, sigma="40").json()
    server.ended(job)
    link = f"{API}/jobs/{job['id']}/result"
    before, after = decode(source).pixels, decode(server.client.get(link).content).pixels
    half = decode(server.client.get(link, params={"strength": 0.5}).content).pixels
    assert np.abs(half - (before / 2 + after / 2)).max() <= 1
    none = decode(server.client.get(link, params={"strength": 0}).content).pixels
    assert np.array_equal(none, before)
    shown = server.client.get(f"{API}/jobs/{job['id']}/shown/after")
    assert np.array_equal(decode(shown.content).pixels, after)
    problem(server.client.get(link, params={"strength": 2}), 422, "strength")


@pytest.mark.parametrize(("kind", "name"), [("JPEG", "a.jpeg"), ("TIFF", "a.tiff")])
def test_strength_blends_whatever_the_ending(server: Server, kind: str, name: str) -> None:
    job = server.post(encoded(kind, (40, 40)), name, sigma="40").json()
    server.ended(job)
    link = f"{API}/jobs/{job['id']}/result"
    answer = server.client.get(link, params={"strength": 0.5})
    assert answer.status_code == 200, answer.text
    assert decode(answer.content).metadata.format == kind


def test_several_in_one_archive(server: Server) -> None:
    jobs = [server.post(noisy(32, 32 + n), "same.png", sigma="5").json() for n in range(2)]
    for job in jobs:
        server.ended(job)
    answer = server.client.get(f"{API}/archive", params={"job": [job["id"] for job in jobs]})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["same.png", "same-2.png"]
        assert decode(archive.read("same-2.png")).size == (32, 33)
    problem(server.client.get(f"{API}/archive", params={"job": ["none"]}), 404, "no such job")
    numbers = [job["id"] for job in jobs]
    mixed = {"job": [*numbers, numbers[0]], "strength": [0, 1, 0]}
    answer = server.client.get(f"{API}/archive", params=mixed)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert len(archive.namelist()) == 2  # nothing is packed twice
        assert np.array_equal(decode(archive.read("same.png")).pixels, decode(noisy(32, 32)).pixels)
    one_short = {"job": numbers, "strength": [1]}
    problem(server.client.get(f"{API}/archive", params=one_short), 422, "one for each job")


def test_what_is_found_is_said_as_on_the_command_line(client: TestClient) -> None:
    data = encoded("JPEG", (64, 64), quality=20)
    answer = client.post(f"{API}/inspect", files={"picture": ("old.jpg", data)}).json()
    found = inspect(decode(data))
    assert answer["sentences"] == found.sentences()
    assert answer["commands"] == found.commands(Path("old.jpg"))


def test_what_there_is(client: TestClient) -> None:
    assert {model["name"] for model in client.get(f"{API}/models").json()} >= {"denoise-color"}
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").text == "ok\n"
    figures = client.get("/metrics").text
    assert "rnan_jobs_waiting 0.0" in figures
    assert 'rnan_http_requests_total{method="GET",route="/healthz",status="200"}' in figures
    document = client.get("/openapi.json").json()
    assert f"{API}/jobs" in document["paths"]
    for name, about in client.get(f"{API}/examples").json().items():
        assert about
        assert decode(client.get(f"{API}/examples/{name}").content).size[0] > 100


def test_options_are_those_of_the_command_line(client: TestClient) -> None:
    fields = {option["name"] for option in client.get(f"{API}/options").json()["options"]}
    of_commands = [request_options(restoration) for restoration in LEVELS]
    machine = {name for name, option in request_options().items() if option.machine}
    assert fields == {name for options in of_commands for name in options} - machine
    document = client.get("/openapi.json").json()
    name = document["paths"][f"{API}/jobs"]["post"]["requestBody"]["content"]
    schema = name["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]
    assert set(document["components"]["schemas"][schema]["properties"]) == fields | {
        "picture",
        "task",
    }


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"task": "denoise", "sigma": "900"}, "sigma"),
        ({"task": "denoise", "sigma": "-1"}, '"sigma" must lie between 0 and 75, got -1'),
        ({"task": "denoise", "sigma": "nan"}, '"sigma" must lie between 0 and 75, got nan'),
        ({"task": "dejpeg", "quality": "0"}, '"quality" must lie between 1 and 100'),
        ({"task": "demosaic", "sigma": "16"}, '"sigma" must lie between 0 and 15'),
        ({"task": "denoise", "sigma": "much"}, '"sigma" takes a number or auto'),
        ({"task": "denoise", "quality": "5"}, '"quality" is not for denoise'),
        ({"task": "denoise", "model": "/etc/passwd"}, "unknown model"),
        ({"task": "upscale", "scale": "7"}, '"scale" must lie between 1.1 and 4'),
        ({"task": "paint"}, "task"),
        ({"task": "denoise", "stregth": "1"}, "strength"),
        ({"task": "denoise", "strength": "3"}, "strength"),
        ({"task": "denoise", "jpeg_quality": "0"}, "jpeg_quality"),
        ({"task": "denoise", "frame": "0"}, '"frame" must be at least 1'),
    ],
)
def test_wrong_options(client: TestClient, fields: dict[str, str], words: str) -> None:
    for route in ("restore", "jobs"):  # before it waits for its turn
        files = {"picture": ("a.png", noisy())}
        problem(client.post(f"{API}/{route}", files=files, data=fields), 422, words)


def test_a_picture_that_is_no_file(client: TestClient) -> None:
    problem(client.post(f"{API}/jobs", data={"picture": "a.png"}), 422, "must be a file")


def test_a_model_for_something_else(client: TestClient) -> None:
    files, data = {"picture": ("a.png", noisy())}, {"task": "denoise", "model": "demosaic"}
    problem(client.post(f"{API}/restore", files=files, data=data), 422, "not to denoise")


def test_forms_beyond_any_use(client: TestClient) -> None:
    picture = ("picture", ("a.png", noisy()))
    long, many = {"model": "x" * 5000}, {f"field{number}": "x" for number in range(50)}
    for files, data in (([picture], long), ([picture], many), ([picture, picture], {})):
        answer = client.post(f"{API}/jobs", files=files, data=data)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_refusal_may_repeat_what_no_text_can_hold(client: TestClient) -> None:
    half = "+2AA-"  # one half of a pair, in UTF-7
    body = (
        f'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\n{half}\r\n'
        '--x\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\nabc\r\n'
        "--x--\r\n"
    )
    kind = {"content-type": "multipart/form-data; boundary=x; charset=utf-7"}
    problem(client.post(f"{API}/jobs", content=body.encode(), headers=kind), 422, "unknown model")


def test_what_is_only_looked_at_waits_for_itself(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, workers=1, queue=1, seconds=60, keep=60)
    for _ in range(2):
        jobs.new("a.png", restored=False)
    with pytest.raises(Problem, match="are waiting"):
        jobs.new("a.png", restored=False)
    jobs.new("a.png")
    assert jobs.waiting == 1


def test_nobody_looks_for_a_client_that_went_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Studio, "look", lambda *_: pytest.fail("looked at"))
    app = create_app(ServerOptions(folder=tmp_path))
    sent = httpx.Request("POST", f"http://localhost{API}/inspect", files={"picture": noisy()})
    messages = iter([{"type": "http.request", "body": sent.read()}])
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{API}/inspect",
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in sent.headers.raw],
    }
    answers: list[Any] = []

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        answers.append(message)

    asyncio.run(app(scope, receive, send))
    assert answers[0]["status"] == 409
    assert app.state.jobs.waiting == 0
    assert [file.name for file in app.state.folder.path.iterdir()] == ["lock"]
    app.state.folder.close()


@pytest.mark.parametrize("restoring", [{"device": "abacus"}, {"engine": "abacus"}])
def test_what_no_picture_could_be_restored_with_is_refused_at_the_start(
    restoring: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError):
        create_app(ServerOptions(folder=tmp_path, restoring=RestoreOptions(**restoring)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["max-megapixels", "max-minutes", "keep-minutes"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_limits_are_finite(name: str, value: str) -> None:
    done = rnan("serve", f"--{name}", value)
    assert (done.returncode, f"got {value}" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("kind", "remedy"), [("WEBP", {"frame": 1}), ("JPEG", {"assume_cmyk": True})]
)
def test_a_refusal_says_what_would_help(
    client: TestClient, kind: str, remedy: dict[str, object]
) -> None:
    """An animation, and inks without a profile: taken once the request has the remedy."""
    file = io.BytesIO()
    pictures = [
        Image.new("CMYK" if kind == "JPEG" else "RGB", (30, 20), shade) for shade in (9, 99)
    ]
    more = {"save_all": True, "append_images": pictures[1:]} if kind == "WEBP" else {}
    pictures[0].save(file, kind, **more)
    files = {"picture": (f"a.{kind.lower()}", file.getvalue())}
    wanted = {"task": "denoise", "sigma": "9", "format": "png"}
    refused = client.post(f"{API}/restore", files=files, data=wanted)
    assert (refused.status_code, refused.json()["remedy"]) == (422, remedy)
    job = client.post(f"{API}/jobs", files=files, data=wanted).json()
    while (now := client.get(job["links"]["self"]).json())["state"] not in ("done", "failed"):
        time.sleep(0.05)
    assert now["problem"]["remedy"] == remedy
    helped = {name: str(value) for name, value in remedy.items()}
    assert client.post(f"{API}/restore", files=files, data=wanted | helped).status_code == 200
    found = client.post(f"{API}/inspect", files=files, data=helped).json()
    assert found["width"] == 30
    nothing = client.post(f"{API}/restore", files={"picture": ("a.png", b"?")}, data=wanted)
    assert "remedy" not in nothing.json()


@pytest.mark.parametrize("route", ["restore", "jobs", "inspect"])
def test_a_body_that_does_not_say_its_length_ends_at_the_limit(
    client: TestClient, route: str
) -> None:
    head = (
        b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n"
    )
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        yield head
        for _ in range(40):
            sent += 1
            yield bytes(100_000)
        yield b"\r\n--x--\r\n"

    kind = {"content-type": "multipart/form-data; boundary=x"}
    problem(client.post(f"{API}/{route}", content=body(), headers=kind), 413, "larger than")
    assert sent > 3


def test_limits(client: TestClient) -> None:
    def post(data: bytes, **fields: str) -> Any:
        return client.post(f"{API}/restore", files={"picture": ("a.png", data)}, data=fields)

    problem(post(bytes(400_000)), 413, "the file is larger than")
    inspected = client.post(f"{API}/inspect", files={"picture": ("a.png", bytes(400_000))})
    problem(inspected, 413, "the file is larger than")
    flat = io.BytesIO()
    Image.new("RGB", (400, 400)).save(flat, "PNG")
    problem(post(flat.getvalue(), task="denoise"), 422, "the limit is")
    small = io.BytesIO()
    Image.new("RGB", (300, 300)).save(small, "PNG")
    problem(post(small.getvalue(), task="upscale", scale="4"), 422, "the result would have")
    pages = io.BytesIO()  # what is too large is not in the header of the file
    first, second = (Image.new("RGB", (side, side)) for side in (16, 300))
    first.save(pages, "TIFF", save_all=True, append_images=[second], compression="tiff_lzw")
    later = {"task": "upscale", "scale": "4", "frame": "2"}
    problem(post(pages.getvalue(), **later), 422, "the limit is")
    floats = io.BytesIO()
    black = np.zeros((300, 300, 3), np.float32)
    tifffile.imwrite(floats, black, photometric="rgb", compression="zlib")
    problem(post(floats.getvalue(), task="upscale", scale="4"), 422, "the limit is")
    problem(client.post(f"{API}/restore", data={"task": "auto"}), 422, "picture")
    problem(post(b""), 422, "empty")
    gif = io.BytesIO()
    Image.new("P", (8, 8)).save(gif, "GIF")  # Pillow reads it, the server's list has it not
    problem(post(gif.getvalue()), 422, "not a picture in a format")


@pytest.mark.parametrize("token", ["", "two words", "\u0441ecret", "line\n"])
def test_a_token_that_no_header_can_bring(token: str) -> None:
    with pytest.raises(ConfigError, match="ASCII"):
        ServerOptions(token=token)


def test_who_asks(tmp_path: Path) -> None:
    options = ServerOptions(folder=tmp_path, token="secret", allow_host=("pictures.example",))
    with TestClient(create_app(options), base_url="http://localhost") as client:
        models = f"{API}/models"
        problem(client.get(models), 401, "token")
        assert client.get(models).headers["www-authenticate"] == "Bearer"
        problem(client.get(models, headers={"authorization": "Bearer wrong"}), 401, "token")
        right = {"authorization": "Bearer secret"}
        assert client.get(models, headers=right).status_code == 200
        assert client.get("/healthz").status_code == 200
        assert client.get("/").status_code == 200
        problem(client.get("/metrics"), 401, "token")
        for host, status in (("pictures.example", 200), ("evil.example", 421), ("", 421)):
            assert client.get(models, headers=right | {"host": host}).status_code == status
        evil = right | {"origin": "https://evil.example"}
        problem(client.get(models, headers=evil), 403, "other hosts")
        problem(client.get(models, headers=right | {"sec-fetch-site": "cross-site"}), 403, "other")
        # Behind a proxy that says its own name of the server.
        named = right | {"origin": "https://pictures.example"}
        assert client.get(models, headers=named).status_code == 200
        own = client.get("/", headers={"origin": "http://localhost"})
        assert "default-src 'self'" in own.headers["content-security-policy"]
        assert own.headers["x-content-type-options"] == "nosniff"


def test_nothing_of_a_request_is_a_path(client: TestClient, tmp_path: Path) -> None:
    for name in (
        "../../escaped.png",
        "/etc/passwd",
        "..\\..\\escaped.png",
        "a\r\nb.png",
        "\x00.png",
    ):
        answer = client.post(
            f"{API}/restore",
            files={"picture": (name, noisy(32, 32))},
            data={"task": "denoise", "sigma": "5"},
        )
        assert answer.status_code == 200, answer.text
        assert "\n" not in answer.headers["content-disposition"]
    assert not list(tmp_path.rglob("*escaped*"))
    for path in ("/../settings.py", "/%2e%2e/settings.py", "/..%2f..%2fapi.py"):
        assert client.get(path).status_code == 404


def test_hostile_files(client: TestClient, tmp_path: Path) -> None:
    """Each is a right picture or a clear refusal; nothing is an error of the server."""
    wrong, counts = [], {"right": 0, "refused": 0}
    for name, (path, expected) in corpus(tmp_path / "hostile").items():
        if not path.is_file():
            continue
        with path.open("rb") as file:
            answer = client.post(
                f"{API}/restore",
                files={"picture": (name, file)},
                data={"task": "denoise", "sigma": "5"},
            )
        if answer.status_code == 200:
            counts["right"] += 1
            size = decode(answer.content).size
            if expected != RIGHT or size != read(path).size:
                wrong.append(f"{name}: was taken")
        else:
            counts["refused"] += 1
            content = answer.json()
            too_large = "limit" in content["detail"]
            if answer.status_code not in (413, 422) or (expected != REFUSED and not too_large):
                wrong.append(f"{name}: {content}")
            if str(tmp_path) in content["detail"]:
                wrong.append(f"{name}: tells a path")
    assert wrong == []
    assert counts["right"] >= 15
    assert counts["refused"] >= 25


def test_the_queue_is_full(tmp_path: Path) -> None:
    """At more than it holds, a server refuses clearly; what it took is done, and right."""
    with serving(tmp_path, "--queue", "2", "--dtype", "float32") as server:
        data = noisy(160, 200)
        answers = [server.post(data, sigma="9") for _ in range(8)]
        taken = [answer.json() for answer in answers if answer.status_code == 202]
        refused = [answer for answer in answers if answer.status_code != 202]
        assert len(taken) >= 3
        assert refused
        for answer in refused:
            problem(answer, 429, "waiting")
            assert int(answer.headers["retry-after"]) >= 1
        assert server.client.get("/readyz").status_code in (200, 429)
        results = set()
        for job in taken:
            assert server.ended(job)["state"] == "done"
            results.add(server.client.get(job["links"]["result"]).content)
        assert len(results) == 1


def test_cancelling(server: Server) -> None:
    job = server.post(noisy(700, 900), sigma="9").json()
    waiting = server.post(noisy(), sigma="9").json()
    assert server.client.delete(f"{API}/jobs/{waiting['id']}").status_code == 204
    while server.client.get(f"{API}/jobs/{job['id']}").json()["state"] == "queued":
        time.sleep(0.02)
    assert server.client.delete(f"{API}/jobs/{job['id']}").status_code == 204
    limit = time.monotonic() + 60
    while server.client.get(f"{API}/jobs/{job['id']}").status_code != 404:
        assert time.monotonic() < limit
        time.sleep(0.05)
    assert server.ended(server.post(noisy(), sigma="9").json())["state"] == "done"


def test_a_slow_client_stops_nobody(server: Server) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(
            b"POST /api/v1/restore HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
        )
        start = time.monotonic()
        assert server.ended(server.post(noisy(), sigma="9").json())["state"] == "done"
        assert time.monotonic() - start < 30


def test_it_takes_too_long(tmp_path: Path) -> None:
    with serving(tmp_path, "--max-minutes", "0.0001") as server:
        ended = server.ended(server.post(noisy(), sigma="9").json())
        assert ended["state"] == "failed"
        assert "longer than" in ended["problem"]["detail"]
        problem(server.client.get(ended["links"]["result"]), 503, "longer than")


@pytest.mark.slow
def test_results_are_forgotten(tmp_path: Path) -> None:
    with serving(tmp_path, "--keep-minutes", "0.02") as server:
        job = server.post(noisy(), sigma="9").json()
        server.ended(job)
        limit = time.monotonic() + 30
        # Also where nobody asks.
        while [path.name for path in tmp_path.glob("rnan-serve-*/*")] != ["lock"]:
            assert time.monotonic() < limit
            time.sleep(0.1)
        problem(server.client.get(f"{API}/jobs/{job['id']}"), 404, "no such job")


def test_cancelled_at_the_last_moment(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, workers=1, queue=1, seconds=60, keep=60)
    job = jobs.new("a.png")
    jobs.start(job, lambda job: jobs.cancel(job)).result(timeout=60)  # as the last tile is done
    assert job.state == "cancelled"
    assert not job.folder.exists()
    with pytest.raises(Problem, match="no such job"):
        jobs.get(job.id)
    jobs.close()


def test_a_client_that_went_away_holds_no_worker(server: Server) -> None:
    data = {"task": "denoise", "sigma": "9"}
    with pytest.raises(httpx.ReadTimeout):
        server.client.post(
            f"{API}/restore",
            files={"picture": ("a.png", noisy(1200, 1500))},
            data=data,
            timeout=httpx.Timeout(60, read=1.0),
        )
    start = time.monotonic()
    while "rnan_jobs_running 0.0" not in server.client.get("/metrics").text:
        assert time.monotonic() - start < 20
        time.sleep(0.1)


def test_a_page_of_several_is_mixed_with_itself(server: Server) -> None:
    pages = io.BytesIO()
    first, second = (Image.fromarray(photo(40, 40, seed=seed)) for seed in (1, 2))
    first.save(pages, "TIFF", save_all=True, append_images=[second])
    job = server.post(pages.getvalue(), "a.tif", sigma="9", frame="2").json()
    assert server.ended(job)["state"] == "done"
    link = f"{API}/jobs/{job['id']}"
    expected = photo(40, 40, seed=2)
    none = server.client.get(f"{link}/result", params={"strength": 0})
    assert np.array_equal(decode(none.content).pixels, expected)
    shown = server.client.get(f"{link}/shown/before")
    assert np.array_equal(decode(shown.content).pixels, expected)


def test_a_mosaic_is_not_mixed(server: Server) -> None:
    for seen in (mosaic(photo(40, 48), "grbg"), mosaic(photo(40, 48), "grbg").sum(axis=2)):
        file = io.BytesIO()
        Image.fromarray(seen.astype(np.uint8)).save(file, "PNG")
        job = server.post(file.getvalue(), task="demosaic", pattern="grbg").json()
        assert server.ended(job)["state"] == "done"
        mixed = server.client.get(job["links"]["result"], params={"strength": 0.5})
        problem(mixed, 409, "a mosaic is no picture to blend with")


def test_what_is_clean_comes_back_as_it_was(server: Server) -> None:
    clean = io.BytesIO()
    Image.fromarray(photo(96, 96)).save(clean, "JPEG", quality=98, subsampling=0)
    job = server.post(clean.getvalue(), "a.jpg", task="auto").json()
    assert "clean" in server.ended(job)["said"]
    assert server.client.get(job["links"]["result"]).content == clean.getvalue()


def test_heads_and_methods(server: Server) -> None:
    job = server.post(noisy(), sigma="9").json()
    server.ended(job)
    for path in ("/healthz", f"{API}/options", job["links"]["result"], "/index.html"):
        head, got = (server.client.request(method, path) for method in ("HEAD", "GET"))
        assert (head.status_code, head.content) == (200, b""), path
        assert head.headers["content-length"] == str(len(got.content))
    server.client.request("BREW", "/healthz")
    assert "BREW" not in server.client.get("/metrics").text


@pytest.mark.slow
def test_a_signal_lets_finish_what_runs(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        running = server.post(noisy(500, 700), sigma="9").json()
        waiting = server.post(noisy(500, 700), sigma="9").json()
        while server.client.get(f"{API}/jobs/{running['id']}").json()["state"] == "queued":
            time.sleep(0.02)
        server.process.send_signal(signal.SIGTERM)
        limit = time.monotonic() + 30
        while server.client.get("/readyz").status_code != 503:
            assert time.monotonic() < limit
            time.sleep(0.02)
        problem(server.post(noisy(), sigma="9"), 503, "being stopped")
        assert server.ended(waiting)["state"] == "failed"
        ended = server.ended(running)
        assert ended["state"] == "done"
        assert server.client.get(ended["links"]["result"]).status_code == 200
        assert server.process.wait(timeout=30) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_second_signal_stops_what_runs(tmp_path: Path) -> None:
    with serving(tmp_path, "--threads", "1") as server:
        job = server.post(noisy(900, 1200), sigma="9", self_ensemble="true").json()  # minutes
        while server.client.get(f"{API}/jobs/{job['id']}").json()["state"] == "queued":
            time.sleep(0.02)
        for _ in range(2):
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        assert server.process.wait(timeout=60) == 0
        assert server.process.stderr is not None
        said = server.process.stderr.read()
        assert said == "finishing 1 pictures; once more to stop at once\n"
    assert list(tmp_path.iterdir()) == []


def test_only_who_got_all_of_a_result_has_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "rnan")
    app = create_app(ServerOptions(folder=tmp_path))
    with TestClient(app, base_url="http://localhost") as client:
        data = {"task": "denoise", "sigma": "9"}
        job = client.post(f"{API}/jobs", files={"picture": ("a.png", noisy())}, data=data).json()
        while client.get(f"{API}/jobs/{job['id']}").json()["state"] != "done":
            time.sleep(0.05)
        mixed = "result?strength=0.5"
        for how, what in (("HEAD", "result"), ("GET", "shown/after"), ("HEAD", mixed)):
            answer = client.request(how, f"{API}/jobs/{job['id']}/{what}")
            assert answer.status_code == 200
            assert app.state.jobs.unfetched, (how, what)
        client.get(f"{API}/jobs/{job['id']}/{mixed}")
        assert not app.state.jobs.unfetched
    assert f"job {job['id']} done after" in caplog.text
    assert "GET /api/v1/jobs/{number}/result 200 in" in caplog.text


def test_a_killed_server_leaves_what_the_next_removes(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.ended(server.post(noisy(), sigma="9").json())
        server.process.kill()
        server.process.wait()
    left = list(tmp_path.glob("rnan-serve-*"))
    assert len(left) == 1
    with Scratch("serve", tmp_path) as one, Scratch("serve", tmp_path) as two:
        assert not left[0].exists()
        assert one.path.is_dir()
        assert two.path.is_dir()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.bars
def test_memory_stays_flat(server: Server) -> None:
    """500 requests in all; the first fifty warm up."""
    process = psutil.Process(server.process.pid)
    data = noisy(48, 48)

    def send(number: int) -> None:
        for _ in range(number):
            answer = server.client.post(
                f"{API}/restore",
                files={"picture": ("a.png", data)},
                data={"task": "denoise", "sigma": "9"},
            )
            assert answer.status_code == 200

    send(50)
    sizes = []
    for _ in range(9):
        send(50)
        sizes.append(process.memory_info().rss / 2**20)
    assert max(sizes[4:]) < max(sizes[:4]) + 16, sizes


def test_many_at_once_get_what_the_command_line_makes(server: Server) -> None:
    data = noisy(64, 96)
    alone = server.client.post(
        f"{API}/restore", files={"picture": ("a.png", data)}, data={"task": "denoise", "sigma": "9"}
    ).content
    results: list[bytes] = []

    def ask() -> None:
        job = server.post(data, sigma="9").json()
        ended = server.ended(job)
        results.append(server.client.get(ended["links"]["result"]).content)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [alone] * 8


def test_the_examples_work(server: Server, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(noisy())
    folder = Path(__file__).parent.parent / "docs" / "examples"
    for command in ([sys.executable, folder / "client.py"], ["bash", folder / "client.sh"]):
        if command[0] == "bash" and shutil.which("curl") is None:
            continue
        given = [server.address, tmp_path / "photo.png", tmp_path / "clean.png"]
        subprocess.run([*command, *given], check=True)
        assert read(tmp_path / "clean.png").size == (48, 64)
        (tmp_path / "clean.png").unlink()


def test_camera_raw_is_for_those_who_allow_it(client: TestClient, tmp_path: Path) -> None:
    answer = client.post(
        f"{API}/restore",
        files={"picture": ("photo.dng", b"II*\x00not really")},
        data={"task": "demosaic"},
    )
    assert answer.status_code == 422


def test_a_port_that_is_taken(server: Server, tmp_path: Path) -> None:
    port = server.address.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "rnan", "serve", "--port", port, "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "in use" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_camera_raw(server: Server, tmp_path: Path) -> None:
    path = raws.dng(tmp_path / "a.dng", photo(64, 96), noise=(1.6e-3, 4e-5), more=RAW_NOISE)
    content = path.read_bytes()
    files = {"picture": ("holiday.dng", content)}
    found = server.client.post(f"{API}/inspect", files=files).json()
    assert (found["format"], found["pattern"]) == ("RAW", "rggb")
    assert found["noise"]["like_iso"] == 6400
    look = server.client.post(f"{API}/preview", files=files, data={"side": "40"})
    assert look.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(look.content)).size) == 40
    for task in ("auto", "denoise", "demosaic"):
        job = server.post(content, "holiday.dng", task=task).json()
        ended = server.ended(job)
        assert ended["said"].startswith("camera raw, RGGB, noise like ISO 6400")
        assert ended["result_name"] == "holiday.tif"
        result = tifffile.imread(io.BytesIO(server.client.get(job["links"]["result"]).content))
        assert (result.shape, result.dtype) == ((64, 96, 3), np.uint16)
    here = job["links"]["self"]
    before, after = (
        decode(server.client.get(f"{here}/shown/{which}").content).pixels.astype(float)
        for which in ("before", "after")
    )
    mixed = server.client.get(f"{here}/result?strength=0.5").content
    half = tifffile.imread(io.BytesIO(mixed)) / 257.0
    assert np.abs(half - (before + after) / 2).max() < 2.0
    failed = server.ended(server.post(content, "a.dng", task="dejpeg").json())
    assert "camera raw is for" in failed["problem"]["detail"]


def test_camera_raw_as_dng_and_told_its_noise(server: Server, tmp_path: Path) -> None:
    content = raws.dng(tmp_path / "a.dng", photo(64, 96), noise=(1.6e-3, 4e-5)).read_bytes()
    job = server.post(content, "a.dng", task="auto", format="dng", noise="4e-4,4e-6").json()
    assert "noise like ISO 1600" in server.ended(job)["said"]
    result = server.client.get(job["links"]["result"]).content
    (tmp_path / "b.dng").write_bytes(result)
    assert not read_raw(tmp_path / "b.dng").is_mosaic
    assert server.client.get(f"{job['links']['self']}/shown/after").status_code == 200
    problem(server.client.get(f"{job['links']['result']}?strength=0.5"), 409, "send strength")
    problem(
        server.post(content, "a.dng", task="auto", noise="1,2,3"),
        422,
        "two numbers such as 4e-4,4e-6",
    )


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2)])
def test_previews_of_the_smallest(server: Server, tmp_path: Path, size: tuple[int, int]) -> None:
    content = raws.dng(tmp_path / "a.dng", photo(*size)).read_bytes()
    answer = server.client.post(f"{API}/preview", files={"picture": ("a.dng", content)})
    assert answer.status_code == 200, answer.text


def test_camera_raw_can_be_refused(tmp_path: Path) -> None:
    content = raws.dng(tmp_path / "a.dng", photo(64, 96)).read_bytes()
    options = ServerOptions(folder=tmp_path / "jobs", no_raw=True)
    with TestClient(create_app(options), base_url="http://localhost") as client:
        answer = client.post(f"{API}/inspect", files={"picture": ("a.dng", content)})
        problem(answer, 422, "is camera raw, which is not taken here")
