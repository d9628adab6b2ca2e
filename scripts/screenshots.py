"""Take the pictures of the page that stand in the README.

    python scripts/screenshots.py --data ../shared/data

A noisy photograph of the validation pictures is restored on the page, on a desktop and on a phone.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from rnan.evaluation.datasets import picture_files, split

FIGURES = Path(__file__).parent.parent / "docs" / "figures"
KINDS: dict[str, dict[str, Any]] = {
    "page-desktop": {"viewport": {"width": 1100, "height": 900}},
    "page-phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 1.5,
        "is_mobile": True,
        "has_touch": True,
        "color_scheme": "dark",
    },
}
NUMBER, SIGMA = 3, 25.0
"""Of the validation picture, and of its noise."""


def noisy(data: Path) -> bytes:
    """The picture that is restored."""
    _, files = split(picture_files(data / "train" / "bsd398"))
    clean = np.asarray(Image.open(files[NUMBER]).convert("RGB"), np.float64)
    lq = clean + np.random.default_rng(0).normal(0.0, SIGMA, clean.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(np.rint(lq), 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def main() -> None:
    """Serve, restore, take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    picture = noisy(parser.parse_args().data)
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "rnan", "serve", "--port", "0", "--folder", folder],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        try:
            with sync_playwright() as playwright:
                where = os.environ.get("CHROMIUM") or shutil.which("chromium")
                browser = playwright.chromium.launch(executable_path=where, args=["--no-sandbox"])
                for name, how in KINDS.items():
                    page = browser.new_context(**how).new_page()
                    page.goto(address)
                    page.set_input_files(
                        "#pick", {"name": "photo.png", "mimeType": "image/png", "buffer": picture}
                    )
                    page.locator(".found li").nth(1).wait_for(state="attached")
                    page.get_by_role("button", name="Restore").click()
                    page.locator(".result").wait_for(state="visible", timeout=120_000)
                    page.locator(".result").scroll_into_view_if_needed()
                    page.wait_for_timeout(300)
                    page.screenshot(path=FIGURES / f"{name}.png")
                browser.close()
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
