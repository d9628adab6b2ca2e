"""Make the site that restores pictures in the browser itself.

    make site
    python scripts/browser_site.py --output site

The page of ``rnan serve`` with another engine behind it: ``browser/`` holds that engine, ONNX
Runtime Web comes from npm (``npm ci`` in browser/), the networks from the bundled weights. What is
there already and of the same weights is not made again. Any static host serves the folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from rnan import __version__
from rnan.estimation import camera_noise
from rnan.export.cache import exported
from rnan.export.info import GraphInfo, info_of
from rnan.export.stored_halves import stored_in_halves
from rnan.images import write_whole
from rnan.options.levels import LEVELS
from rnan.options.option import options_of
from rnan.server.examples import EXAMPLES, example
from rnan.server.forms import as_json
from rnan.tasks import get_task
from rnan.weights import registry

ROOT = Path(__file__).parent.parent
PAGE, BROWSER = ROOT / "src" / "rnan" / "server" / "page", ROOT / "browser"
RUNTIME = BROWSER / "node_modules" / "onnxruntime-web"
NETWORKS = (
    *("denoise-color", "denoise-gray", "denoise-camera"),
    *("dejpeg-color", "dejpeg", "super-resolution"),
)
TASKS = ("denoise", "dejpeg", "upscale")
PROGRAMS = ("ort.wasm.min.mjs", "ort.webgpu.min.mjs")
"""Of ONNX Runtime Web: on the processor alone, and on GPUs too."""
IN_OTHER_WORDS = {
    ", develops camera raw, enlarges.": ", enlarges.",
    "Your pictures stay between this page and the machine that serves it.": (
        "Your pictures stay in this browser: nothing is sent."
    ),
    'Programs use the same server through its <a href="reference.html">API</a>.': (
        "It works without a network, too, once it was here. Results have 8 bits a channel in sRGB; "
        "the program keeps 16 bits and profiles, and develops camera raw."
    ),
    "image/*,.tif,.tiff,.heic,.dng,.nef,.cr2,.cr3,.arw,.raf,.orf,.rw2,.pef,.srw": "image/*",
}
"""What the page says where a server stands behind it, and says here."""
OF_THE_SERVER = ("api.js", "reference.html", "reference.js")
"""What of the page has no place on a site without a server."""


def pages(site: Path) -> None:
    """The page, and the engine behind it."""
    for file in PAGE.iterdir():
        if file.name not in OF_THE_SERVER:
            shutil.copyfile(file, site / file.name)
    for file in [*BROWSER.glob("*.js"), *BROWSER.glob("engine/*.js")]:
        copied(file, site / file.relative_to(BROWSER))
    index = site / "index.html"
    text = index.read_text(encoding="utf-8")
    for server, browser in IN_OTHER_WORDS.items():
        if server not in text:
            raise SystemExit(f"index.html does not say: {server}")
        text = text.replace(server, browser)
    index.write_text(text, encoding="utf-8")


def runtime(site: Path) -> None:
    """ONNX Runtime Web."""
    if not RUNTIME.is_dir():
        raise SystemExit("ONNX Runtime Web is not there: npm ci --prefix browser")
    for name in PROGRAMS:
        copied(RUNTIME / "dist" / name, site / "runtime" / name)
        program = (RUNTIME / "dist" / name).read_text(encoding="utf-8")
        for file in (RUNTIME / "dist").glob("ort-wasm-simd-threaded*.mjs"):
            if file.name in program:
                copied(file, site / "runtime" / file.name)
                copied(file.with_suffix(".wasm"), site / "runtime" / f"{file.stem}.wasm")


def networks(site: Path) -> dict[str, Any]:
    """The networks, and what the engine has to know of each."""
    known: dict[str, Any] = {}
    for name in NETWORKS:
        checkpoint, digest = registry.load(name), registry.sha256(name)
        task = get_task(name)
        files = {}
        for scale in checkpoint.config.scales:
            file = f"networks/{name}-x{scale}-{digest[:16]}.onnx"
            if not (site / file).is_file():
                content = exported(checkpoint, task, model=name, scale=scale)
                write_whole(site / file, stored_in_halves(content))
            files[str(scale)] = file
        info = info_of(metadata_of(site / file), name=name)
        low, high = task.level_range
        known[name] = facts_of(info) | {
            "files": files,
            "level": task.level_name if info.takes_level else None,
            "level_scale": task.level_scale,
            "level_range": [low, high],
            "padding": task.padding,
        }
    return known


def facts_of(info: GraphInfo) -> dict[str, Any]:
    """How its tiles lie."""
    config = info.config
    return {"channels": config.channels_in, "grid": info.grid, "multiple": config.multiple}


def metadata_of(file: Path) -> dict[str, str]:
    """What a graph says of itself."""
    from onnx import load

    return {one.key: one.value for one in load(file).metadata_props}


def examples(site: Path) -> None:
    """The pictures to try it with."""
    for name in EXAMPLES:
        write_whole(site / "examples" / name, example(name))


def described() -> dict[str, Any]:
    """What can be asked for, as a server says it."""
    levels = {name: list(options_of(LEVELS[name]).values()) for name in TASKS}
    return {
        "version": __version__,
        "tasks": {name: [one.name for one in own] for name, own in levels.items()},
        "levels": {name: [as_json(one) for one in own] for name, own in levels.items()},
        "examples": EXAMPLES,
    }


def copied(file: Path, target: Path) -> None:
    """A file in a folder that may not be there yet."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, default=ROOT / "site", help="folder of the site")
    site = parser.parse_args().output
    site.mkdir(parents=True, exist_ok=True)
    pages(site)
    runtime(site)
    examples(site)
    copied(
        Path(camera_noise.__file__).with_suffix(".safetensors"),
        site / "networks" / "camera_noise.safetensors",
    )
    known = networks(site)
    about = described() | {"networks": known}
    write_whole(site / "about.json", json.dumps(about, indent=1).encode())
    listed(site, {file for one in known.values() for file in one["files"].values()})


def listed(site: Path, wanted: set[str]) -> None:
    """Name all files for the service worker, which keeps them: what changes has another hash."""
    files = {}
    for file in sorted(site.rglob("*")):
        name = file.relative_to(site).as_posix()
        if name.startswith("networks/") and name.endswith(".onnx") and name not in wanted:
            file.unlink()  # of weights that were
        elif file.is_file() and name not in ("sw.js", "files.json"):
            files[name] = hashlib.sha256(file.read_bytes()).hexdigest()
    write_whole(site / "files.json", json.dumps(files, indent=1).encode())
    size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    print(f"{site}: {len(files)} files, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
