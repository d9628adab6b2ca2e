"""Make what restores without PyTorch: for MNN, from the bundled weights, held against PyTorch.

    python scripts/graphs.py            # those that are missing or of other weights
    python scripts/graphs.py denoise-color

The files lie beside the weights and carry their hash.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rnan.export.info import info_of
from rnan.export.mnn_file import to_mnn
from rnan.export.onnx_file import to_onnx
from rnan.images import write_whole
from rnan.runtimes.mnn import metadata_of
from rnan.tasks import get_task
from rnan.weights import registry

PACKAGE = Path(registry.__file__).parent


def is_current(name: str, scale: int) -> bool:
    """Whether the graph that is there was made of the weights that are there."""
    content = registry.graph(name, scale)
    if content is None:
        return False
    return info_of(metadata_of(content), name=name).weights_sha256 == registry.sha256(name)


def derive(name: str, scales: tuple[int, ...] | None = None) -> None:
    """Make the graphs of bundled weights."""
    checkpoint = registry.load(name)
    task, digest = get_task(checkpoint.info["task"]), registry.sha256(name)
    every = checkpoint.config.scales
    for scale in scales or every:
        onnx = to_onnx(checkpoint, task, name=name, scale=scale, weights_sha256=digest)
        content, difference = to_mnn(onnx, checkpoint, task, name=name)
        file = PACKAGE / (f"{name}.mnn" if len(every) == 1 else f"{name}-x{scale}.mnn")
        write_whole(file, content)
        print(f"{file.name}: {len(content) / 1e6:.1f} MB, within {difference:.0e} of PyTorch")


def main() -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help="of bundled weights; by default all")
    names = parser.parse_args().names
    for name in names or registry.bundled():
        scales = registry.header(name).config.scales
        missing = tuple(scale for scale in scales if names or not is_current(name, scale))
        if missing:
            derive(name, missing)


if __name__ == "__main__":
    main()
