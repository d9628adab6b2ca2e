"""Start a training run that outlives the shell, from a bare source tree; look at it later.

    python scripts/start_training.py recipes/denoise-color.yaml runs/x --minutes 24 KEY=VALUE...
    python scripts/start_training.py recipes/denoise-color.yaml runs/x --gather collected

The first call starts the run and returns. While it goes on, and when it has ended, a further call
prints the end of its log; with --gather it copies the newest weights and the logs into one folder,
files above 16 MiB in parts (join them with cat).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LARGEST = 15 * 2**20
GATHERED = (
    "weights.safetensors",
    "config.yaml",
    "result.json",
    "steps.csv",
    "validation.csv",
    "train.log",
)


def start(recipe: Path, run: Path, minutes: float, overrides: list[str]) -> None:
    """Start ``rnan train`` in a session of its own."""
    run.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "rnan", "train", str(recipe), "-o", str(run), *overrides]
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    with (run / "train.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, f"budget={{minutes: {minutes}}}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
    print(f"started, process {process.pid}; its log is {run / 'train.log'}")


def gather(run: Path, folder: Path) -> None:
    """Copy what is worth keeping, large files in parts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in GATHERED:
        source = run / name
        if not source.exists():
            continue
        for old in folder.glob(f"{name}*"):
            old.unlink()
        content = source.read_bytes()
        if len(content) <= LARGEST:
            shutil.copyfile(source, folder / name)
            continue
        for number, first in enumerate(range(0, len(content), LARGEST)):
            (folder / f"{name}.part{number}").write_bytes(content[first : first + LARGEST])
    print(f"gathered in {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


def main() -> None:
    """Start, or look."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=24.0)
    parser.add_argument("--gather", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    arguments = parser.parse_intermixed_args()
    log = arguments.run / "train.log"
    if not log.exists():
        if arguments.gather is not None:
            parser.error(f"{arguments.run} is no run that was started")
        start(arguments.recipe, arguments.run, arguments.minutes, arguments.overrides)
        return
    print("".join(log.read_text(encoding="utf-8", errors="replace").splitlines(True)[-20:]), end="")
    if arguments.gather is not None:
        gather(arguments.run, arguments.gather)


if __name__ == "__main__":
    main()
