"""The page in a browser: as a person uses it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import raws
import rnan
from conftest import BROWSER, photo
from hostile import corpus, encoded
from rnan.images import decode
from rnan.options.levels import LEVELS, MosaicLevel
from rnan.options.option import options_of
from serving import Server, serving

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")

Axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("jobs")
    with serving(folder, "--dtype", "float32", "--max-upload", "8M") as running:
        yield running


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    """The page; at the end nothing was said on the console and no other host was asked."""
    yield from opened(browser, server, viewport={"width": 1200, "height": 900})


@pytest.fixture
def phone(browser: Any, server: Server) -> Iterator[Any]:
    yield from opened(
        browser,
        server,
        viewport={"width": 390, "height": 844},
        device_scale_factor=2,
        has_touch=True,
        is_mobile=True,
        color_scheme="dark",
        reduced_motion="reduce",
    )


def opened(browser: Any, server: Server, **how: Any) -> Iterator[Any]:
    context = browser.new_context(accept_downloads=True, **how)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    expected: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else 0)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.expected = expected
    page.goto(server.address)
    yield page
    context.close()
    foreign = [url for url in asked if not url.startswith((server.address, "blob:"))]
    assert foreign == []
    # A browser notes every refusal of a server on the console; the page has shown it.
    left = [text for text in said if not ("status of" in text and expected)]
    assert left == []


def until(page: Any, what: str, seconds: float = 120) -> None:
    """Wait for an expression; Playwright's own way needs what the page's policy forbids."""
    limit = time.monotonic() + seconds
    while not page.evaluate(what):
        assert time.monotonic() < limit, what
        page.wait_for_timeout(100)


def picture(name: str = "my photo.png", size: tuple[int, int] = (120, 160)) -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png", "buffer": encoded("PNG", size)}


def choose(card: Any, task: str) -> None:
    """What is to be done with a picture; its card is opened where it is closed."""
    if card.locator(".name").get_attribute("aria-expanded") == "false":
        card.locator(".name").click()
    card.locator(f".choices input[value={task}]").check()


def restored(page: Any, *, task: str = "denoise", **file: Any) -> Any:
    """Give the page a picture and wait for its result."""
    page.set_input_files("#pick", picture(**file))
    card = page.locator(".card").first
    card.locator(".found li").nth(1).wait_for(state="attached")
    choose(card, task)
    card.get_by_role("button", name="Restore").click()
    card.locator(".result").wait_for(state="visible", timeout=60_000)
    return card


def test_from_upload_to_download(page: Any, tmp_path: Path) -> None:
    card = restored(page)
    assert "120" in card.locator(".found").text_content()
    assert "Done: sigma" in card.locator(".state").inner_text()
    with page.expect_download() as download:
        card.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "my photo.png"
    download.value.save_as(tmp_path / "got.png")
    (tmp_path / "my photo.png").write_bytes(picture()["buffer"])
    command = [sys.executable, "-m", "rnan", "denoise", "my photo.png", "-o", "expected.png"]
    subprocess.run([*command, "--dtype", "float32"], check=True, cwd=tmp_path)
    assert (tmp_path / "got.png").read_bytes() == (tmp_path / "expected.png").read_bytes()


@pytest.mark.parametrize(
    ("name", "offer"), [("waves.webp", "Take the first"), ("print.jpg", "Guess its colours")]
)
def test_a_picture_that_can_be_taken_in_several_ways(page: Any, name: str, offer: str) -> None:
    page.expected.append("is refused at first")
    first, second = (Image.fromarray(photo(90, 120 + more)) for more in (0, 1))
    file = io.BytesIO()
    if name.endswith("webp"):
        first.save(file, "WEBP", save_all=True, append_images=[second.crop((1, 0, 121, 90))])
    else:
        first.convert("CMYK").save(file, "JPEG")
    sent = {"name": name, "mimeType": "image/any", "buffer": file.getvalue()}
    page.set_input_files("#pick", sent)
    card = page.locator(".card").first
    help_button = card.get_by_role("button", name=offer)
    if name.endswith("jpg"):  # looking at it fails already
        help_button.click()
        card.locator(".found li").nth(1).wait_for(state="attached")
    choose(card, "denoise")
    card.get_by_role("button", name="Restore", exact=True).click()
    if name.endswith("webp"):
        help_button.click()
    card.locator(".result").wait_for(state="visible", timeout=60_000)
    assert not help_button.is_visible()
    assert "Done: sigma" in card.locator(".state").inner_text()


def test_the_divider_moves_by_mouse_and_by_keys(page: Any) -> None:
    card = restored(page)
    split = card.locator(".split")
    box = card.locator(".stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 20)
    page.mouse.up()
    assert abs(float(split.input_value()) - 25) <= 1
    assert "25" in card.locator(".after").evaluate("e => e.style.clipPath")
    split.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert abs(float(split.input_value()) - 27) <= 1
    page.keyboard.press("Home")
    assert split.input_value() == "0"


def test_one_to_one_and_strength(page: Any) -> None:
    card = restored(page, size=(1200, 1600), task="auto")
    card.get_by_role("button", name="Show at 1:1").click()
    sizes = card.locator(".stage").evaluate(
        "e => [...e.querySelectorAll('img')].map(i => [i.clientWidth, i.clientHeight])"
    )
    assert sizes == [[1600, 1200]] * 2
    card.locator(".strength").fill("40")
    assert card.locator(".after").evaluate("e => e.style.opacity") == "0.4"
    assert card.locator(".strength-value").inner_text() == "40 %"


def test_zoom_by_the_wheel(page: Any) -> None:
    """What lies under the pointer stays there."""
    card = restored(page, size=(900, 1200))
    stage = card.locator(".stage")
    stage.scroll_into_view_if_needed()
    before = stage.bounding_box()
    x, y = before["x"] + 0.75 * before["width"], before["y"] + 0.5 * before["height"]
    page.mouse.move(x, y)
    page.mouse.wheel(0, -500)
    until(page, f"document.querySelector('.stage').clientWidth > {1.5 * before['width']}")
    after = stage.bounding_box()
    assert abs((x - after["x"]) / after["width"] - 0.75) < 0.02
    for _ in range(9):
        page.mouse.wheel(0, 500)
    until(page, f"document.querySelector('.stage').clientWidth <= {before['width'] + 1}")


def test_zoom_by_two_fingers(phone: Any) -> None:
    card = restored(phone, size=(300, 400))
    before = card.locator(".stage").bounding_box()
    phone.evaluate(
        """() => {
          const frame = document.querySelector(".frame");
          const box = frame.getBoundingClientRect();
          const touch = (kind, id, x) => frame.dispatchEvent(new PointerEvent(kind, {
            pointerId: id, pointerType: "touch", clientX: box.x + x, clientY: box.y + 60 }));
          touch("pointerdown", 1, 100);
          touch("pointerdown", 2, 140);
          touch("pointermove", 1, 80);
          touch("pointermove", 2, 160);
          touch("pointerup", 1, 80);
          touch("pointerup", 2, 160);
        }"""
    )
    after = card.locator(".stage").bounding_box()
    assert after["width"] == pytest.approx(2 * before["width"], rel=0.05)


def test_a_quick_look(page: Any) -> None:
    """A place that is pointed at is restored before the whole is; what is asked for counts."""
    page.set_input_files("#pick", picture(size=(400, 500)))
    card = page.locator(".card").first
    card.locator(".found li").nth(1).wait_for(state="attached")
    choose(card, "denoise")
    card.locator(".level select").select_option("given")
    card.locator(".level input").fill("60")
    card.locator(".preview").hover()
    card.locator(".lens.restored").wait_for(timeout=60_000)
    shown = "e => Array.from(e.getContext('2d').getImageData(0, 0, 256, 256).data)"
    lens = np.reshape(card.locator(".lens").evaluate(shown), (256, 256, 4))[:, :, :3]
    pixels = decode(picture(size=(400, 500))["buffer"]).pixels
    part = pixels[72 : 72 + 256, 120 : 120 + 256]  # in the middle, on the blocks of JPEG
    expected = rnan.restore(part, task="denoise", sigma=60)
    assert np.abs(lens.astype(int) - expected).max() <= 2
    card.locator(".choices input").first.focus()
    assert card.locator(".looked-at").get_attribute("tabindex") == "0"


def test_many_are_a_line_each(phone: Any) -> None:
    phone.set_input_files("#pick", [picture(f"{number}.png", (300, 400)) for number in range(6)])
    until(phone, "document.querySelectorAll('.thumb[src]').length === 6")
    assert phone.locator(".body:visible").count() == 1
    closed = phone.locator(".card").nth(3)
    assert closed.bounding_box()["height"] <= 90
    closed.locator(".name").click()
    assert phone.locator(".body:visible").count() == 1
    assert closed.locator(".restore").is_visible()


def test_strength_is_in_the_download(page: Any, tmp_path: Path) -> None:
    card = restored(page)
    card.locator(".strength").fill("0")
    with page.expect_download() as download:
        card.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "got.png")
    got = decode((tmp_path / "got.png").read_bytes())
    assert np.array_equal(got.pixels, decode(picture()["buffer"]).pixels)


def test_cancelling_one(page: Any) -> None:
    page.set_input_files("#pick", picture(size=(1500, 2000)))
    card = page.locator(".card").first
    choose(card, "denoise")
    card.get_by_role("button", name="Restore").click()
    card.get_by_role("button", name="Cancel").click()
    page.expected.append("the job is gone")
    card.locator(".state", has_text="Cancelled").wait_for()
    card.get_by_role("button", name="Cancel").wait_for(state="hidden", timeout=60_000)
    card.get_by_role("button", name="Remove").click()
    assert page.locator(".card").count() == 0


def test_cancelling_while_it_is_sent(page: Any) -> None:
    removed: list[str] = []
    page.on("request", lambda it: removed.append(it.url) if it.method == "DELETE" else 0)
    page.set_input_files("#pick", picture())
    card = page.locator(".card").first
    choose(card, "denoise")
    # The picture is on its way then, and no answer has come.
    page.evaluate(
        "document.querySelector('.restore').click();"
        "setTimeout(() => document.querySelector('.cancel').click())"
    )
    limit = time.monotonic() + 60
    while not removed:
        assert time.monotonic() < limit
        page.wait_for_timeout(50)
    page.wait_for_timeout(1500)
    assert card.locator(".state").inner_text() == "Cancelled."
    assert card.locator(".result").is_hidden()


def test_a_level_that_is_not_asked_for_stops_nothing(page: Any) -> None:
    page.set_input_files("#pick", picture())
    card = page.locator(".card").first
    choose(card, "denoise")
    card.locator(".level select").select_option("given")
    card.locator(".level input").fill("200")
    card.locator(".level select").select_option("auto")
    card.get_by_role("button", name="Restore").click()
    card.locator(".result").wait_for(state="visible", timeout=60_000)


@pytest.mark.parametrize("task", ["denoise", "dejpeg"])
def test_a_level_has_the_range_of_the_command_line(page: Any, task: str) -> None:
    page.set_input_files("#pick", picture())
    card = page.locator(".card").first
    choose(card, task)
    field = card.locator(".level input")
    described = options_of(LEVELS[task])[LEVELS[task].name]
    given = [float(field.get_attribute(limit)) for limit in ("min", "max")]
    assert given == [described.low, described.high]
    assert described.low <= float(field.input_value()) <= described.high


def test_a_level_has_the_choices_of_the_command_line(page: Any) -> None:
    page.set_input_files("#pick", picture())
    card = page.locator(".card").first
    patterns = options_of(MosaicLevel)["pattern"].choices
    for task, choices in (("demosaic", patterns), ("upscale", ("2", "3", "4"))):
        choose(card, task)
        offered = [one.get_attribute("value") for one in card.locator(".level option").all()]
        assert offered == [*choices]


def test_all_of_them_at_their_strengths(page: Any, tmp_path: Path) -> None:
    page.set_input_files("#pick", [picture("a.png", (40, 50)), picture("b.png", (50, 40))])
    for card in page.locator(".card").all():
        choose(card, "denoise")
    page.get_by_role("button", name="Restore all").click()
    until(page, "document.querySelectorAll('.result:not([hidden])').length === 2")
    card = page.locator(".card", has_text="a.png")
    choose(card, "denoise")
    card.locator(".strength").fill("0")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all").click()
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        for name, size, same in (("a.png", (40, 50), True), ("b.png", (50, 40), False)):
            before = decode(picture(name, size)["buffer"]).pixels
            assert np.array_equal(decode(archive.read(name)).pixels, before) == same


def test_more_than_the_server_takes_at_once(page: Any) -> None:
    page.expected.append("too many wait")
    refused = []

    def once(route: Any) -> None:
        if refused:
            route.continue_()
            return
        refused.append(route.request.url)
        full = '{"status": 429, "detail": "3 pictures are waiting; try again later"}'
        route.fulfill(status=429, headers={"Retry-After": "1"}, body=full)

    page.route("**/api/v1/jobs", once)
    restored(page)
    assert refused


def test_several_and_all_of_them(page: Any, tmp_path: Path) -> None:
    page.set_input_files("#pick", [picture("a.png", (40, 50)), picture("b.png", (50, 40))])
    page.get_by_role("button", name="Restore all").click()
    until(page, "document.querySelectorAll('.result:not([hidden])').length === 2")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all").click()
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert sorted(archive.namelist()) == ["a.png", "b.png"]


def test_files_that_cannot_be(page: Any) -> None:
    page.expected.append("refused")
    page.set_input_files(
        "#pick", {"name": "large.png", "mimeType": "image/png", "buffer": bytes(9 * 2**20)}
    )
    assert "too large" in page.locator("#message").inner_text()
    assert page.locator(".card").count() == 0
    page.set_input_files(
        "#pick", {"name": "broken.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\nno"}
    )
    page.locator(".state.bad", has_text="not a picture").wait_for()


def test_hostile_files(page: Any, tmp_path: Path) -> None:
    """Each gets its own card with findings or a sentence; nothing breaks the page."""
    page.expected.append("refused")
    files = [path for path, _ in corpus(tmp_path / "hostile").values() if path.is_file()]
    page.set_input_files("#pick", [str(path) for path in files])
    until(
        page,
        "[...document.querySelectorAll('.card')].every(c => c.querySelectorAll('.found li').length"
        " > 1 || c.querySelector('.state.bad'))",
    )
    cards = page.evaluate(
        "[...document.querySelectorAll('.card')].map(c => [c.querySelector('.name').textContent,"
        " c.querySelectorAll('.found li').length, c.querySelector('.state').textContent])"
    )
    small = [path for path in files if path.stat().st_size <= 8 * 2**20]
    assert len(cards) == len(small)
    for name, found, said in cards:
        assert found > 1 or said, name
        assert "error in the server" not in said, (name, said)
        assert "tmp" not in said


def test_examples_and_pasting(page: Any) -> None:
    page.get_by_role("button", name="a noisy picture").click()
    card = page.locator(".card", has_text="noisy.png")
    card.get_by_text("Noise: remove it").wait_for()
    page.evaluate(
        "async () => { const data = new DataTransfer();"
        " const answer = await fetch('api/v1/examples/small.png');"
        " data.items.add(new File([await answer.blob()], 'pasted.png', {type: 'image/png'}));"
        " document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data})); }"
    )
    page.locator(".card", has_text="pasted.png").wait_for()


def test_on_a_phone(phone: Any) -> None:
    card = restored(phone)
    wide = phone.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    for button in ("Restore", "Remove", "Download", "Show at 1:1"):
        box = card.get_by_role("button", name=button).bounding_box()
        assert box["height"] >= 40, button
    box = card.locator(".stage").bounding_box()
    phone.touchscreen.tap(box["x"] + 10, box["y"] + 10)  # does no harm
    background = phone.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(22, 25, 28)"


def test_everything_has_a_name_and_contrast(page: Any) -> None:
    """What a screen reader gets: no control without a name; text against its ground."""
    restored(page)
    tree = page.evaluate(
        "[...document.querySelectorAll('input, select, button, progress, img')].map(e => ["
        "e.outerHTML.slice(0, 80), (e.labels && e.labels.length ? e.labels[0].textContent : '')"
        " || e.getAttribute('aria-label') || e.textContent || e.alt])"
    )
    assert [html for html, name in tree if not name.strip()] == []
    assert page.evaluate("document.documentElement.lang") == "en"
    headings = page.evaluate("[...document.querySelectorAll('h1,h2')].map(e => e.tagName)")
    assert headings[0] == "H1"
    assert json.dumps(headings).count("H1") == 1
    for selector in ("body", "header p", ".primary", ".found"):
        ink, paper = page.evaluate(
            "s => { const e = document.querySelector(s); const ground = n => { for (; n;"
            " n = n.parentElement) { const c = getComputedStyle(n).backgroundColor;"
            " if (c !== 'rgba(0, 0, 0, 0)') return c; } return 'rgb(255, 255, 255)'; };"
            " return [getComputedStyle(e).color, ground(e)]; }",
            selector,
        )
        assert contrast(ink, paper) >= 4.5, selector
    found = Axe().run(page)
    bad = [rule for rule in found.response["violations"] if rule["impact"] in SERIOUS]
    assert bad == [], [rule["help"] for rule in bad]
    order = []
    page.locator("body").press("Tab")
    for _ in range(12):
        order.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        page.keyboard.press("Tab")
    assert "pick" in order


SERIOUS = ("serious", "critical")


def contrast(one: str, two: str) -> float:
    """The ratio of WCAG."""

    def luminance(colour: str) -> float:
        values = [int(part) / 255 for part in colour[4:-1].split(",")[:3]]
        light = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
        return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_server_with_a_token(browser: Any, tmp_path: Path) -> None:
    with serving(tmp_path, "--token", "secret") as server:
        visits = opened(browser, server)
        page = next(visits)
        page.expected.append("asks for a token")
        asked = page.get_by_label("This server asks for a token:")
        for guess in ("guess", "\u0441ecret"):  # a Cyrillic letter
            asked.fill(guess)
            asked.press("Enter")
            page.get_by_text("That is not the server's token.").wait_for()
            page.locator("#message").evaluate("message => (message.textContent = '')")
        asked.fill(" secret ")
        page.get_by_role("button", name="Use it").click()
        page.locator("#examples button").first.wait_for()
        assert not asked.is_visible()
        assert page.locator("#message").inner_text() == ""
        page.reload()  # kept as long as the tab is open
        page.locator("#examples button").first.wait_for()
        assert not asked.is_visible()
        assert page.url.rstrip("/") == server.address
        with pytest.raises(StopIteration):
            next(visits)


def test_below_a_path(page: Any, server: Server) -> None:
    """Behind a proxy at another address all that the page asks for is below its own."""
    page.locator("#examples button").first.wait_for()  # all that the first visit asks for
    there = f"{server.address}/below"
    page.route(
        "**/below/**", lambda route: route.continue_(url=route.request.url.replace("/below", ""))
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{there}/")
    card = restored(page)
    with page.expect_download():
        card.get_by_role("button", name="Download").click()
    card.get_by_role("button", name="Remove").click()
    card.wait_for(state="detached")
    foreign = [url for url in asked if not url.startswith((there, "blob:"))]
    assert [url for url in foreign if not url.endswith("icon.svg")] == []
    assert len(asked) > 10


def test_a_page_that_goes_away_leaves_no_work(page: Any, server: Server) -> None:
    page.set_input_files("#pick", picture(size=(900, 1200)))
    card = page.locator(".card").first
    choose(card, "denoise")
    with page.expect_response(
        lambda answer: answer.request.method == "POST" and answer.status == 202
    ) as begun:
        card.get_by_role("button", name="Restore").click()
    job = begun.value.json()["id"]
    asked: list[str] = []

    def leave(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.reload()
    assert asked == ["beforeunload"]
    limit = time.monotonic() + 60
    while server.client.get(f"/api/v1/jobs/{job}").status_code != 404:
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_results_that_the_server_has_forgotten(browser: Any, tmp_path: Path) -> None:
    with serving(tmp_path, "--keep-minutes", "0.15") as server:
        visits = opened(browser, server)
        page = next(visits)
        page.expected.append("forgotten")
        first = restored(page, name="first.png")
        page.wait_for_timeout(9500)
        restored(page, name="second.png")
        with page.expect_download() as archive:
            page.get_by_role("button", name="Download all").click()
        first = page.locator(".card", has_text="first.png")
        assert "has forgotten this one" in first.locator(".state").inner_text()
        first.locator(".name").click()
        assert first.get_by_role("button", name="Download").is_disabled()
        with zipfile.ZipFile(archive.value.path()) as found:
            assert found.namelist() == ["second.png"]
        restore = first.get_by_role("button", name="Restore")
        restore.focus()
        page.keyboard.press("Enter")  # and the keyboard keeps its place
        first.locator(".result").wait_for(state="visible")
        until(page, "!document.querySelector('.card:last-child .restore').disabled")
        assert page.evaluate("document.activeElement.textContent") == "Restore"
        with pytest.raises(StopIteration):
            next(visits)


def test_a_full_server_is_waited_for(browser: Any, tmp_path: Path) -> None:
    with serving(tmp_path, "--queue", "1") as server:
        visits = opened(browser, server)
        page = next(visits)
        page.expected.append("waiting")
        page.set_input_files("#pick", [picture(f"{number}.png", (500, 600)) for number in range(6)])
        for card in page.locator(".card").all():
            card.locator(".found li").nth(1).wait_for(state="attached", timeout=60_000)
        with pytest.raises(StopIteration):
            next(visits)


def test_the_reference_needs_no_other_host(page: Any, server: Server) -> None:
    page.goto(f"{server.address}/reference.html")
    page.get_by_text("POST /api/v1/restore").wait_for()
    assert "sigma" in page.locator("#routes").inner_text()


def test_camera_raw(page: Any, tmp_path: Path) -> None:
    """A preview at once, then the picture, or a DNG."""
    content = raws.dng(tmp_path / "a.dng", photo(64, 96), noise=(1.6e-3, 4e-5)).read_bytes()
    page.set_input_files("#pick", [{"name": "a.dng", "mimeType": "", "buffer": content}])
    card = page.locator(".card")
    card.locator(".preview").wait_for(state="visible")
    assert "Bayer sensor, RGGB" in card.locator(".found").text_content()
    card.get_by_label("Result as").select_option("dng")
    card.get_by_role("button", name="Restore").click()
    card.locator(".result").wait_for(state="visible", timeout=60_000)
    assert "camera raw" in card.locator(".state").inner_text()
    with page.expect_download() as coming:
        card.get_by_role("button", name="Download").click()
    assert coming.value.suggested_filename == "a.dng"


def test_the_page_is_opened(tmp_path: Path) -> None:
    """--open shows the address to whatever shows pages here."""
    seen = tmp_path / "seen"
    opener = tmp_path / "opener"
    opener.write_text(f'#!/bin/sh\necho "$1" > "{seen}"\n')
    opener.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BROWSER", f"{opener} %s")
        with serving(tmp_path, "--open") as server:
            limit = time.monotonic() + 30
            while not seen.exists() or not seen.read_text():
                assert time.monotonic() < limit
                time.sleep(0.1)
            assert seen.read_text().strip().rstrip("/") == server.address.rstrip("/")
