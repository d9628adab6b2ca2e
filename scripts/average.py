"""Half-way between the weights of a finished run and those that it started from.

    python scripts/average.py runs/demosaic-6 runs/demosaic-6-averaged --share 0.5

A stretch on other pictures moves a network towards them and away from those it knew; on the way
there lie weights that are better than the end on both (Wortsman et al., "Robust fine-tuning of
zero-shot models", 2022). ``scripts/bundle.py`` takes the new folder as it takes any run.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import torch

from rnan.models.checkpoints import Checkpoint, from_bytes, to_bytes
from rnan.weights import registry


def between(start: Checkpoint, end: Checkpoint, share: float) -> Checkpoint:
    """The end's share of the way from the start; what it says of its training is the end's."""
    state = {
        name: torch.lerp(start.state[name].double(), value.double(), share).to(value.dtype)
        for name, value in end.state.items()
    }
    return Checkpoint(config=end.config, state=state, info=end.info)


def main() -> None:
    """Read both, write what lies between them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path, help="folder of a finished run, or its weights")
    parser.add_argument("output", type=Path, help="folder for the result")
    parser.add_argument("--share", type=float, default=0.5, help="of the run's weights, 0 to 1")
    parser.add_argument("--start", help="weights that the run began from, where no name says it")
    arguments = parser.parse_args()
    run: Path = arguments.run
    content = (run / "weights.safetensors" if run.is_dir() else run).read_bytes()
    end = from_bytes(content)
    stretch = end.info["training"][-1]
    name = arguments.start or stretch["recipe"]["init_from"]
    if name is None:
        sys.exit("the run did not start from weights")
    start = registry.load(name)
    if start.config != end.config or start.info["training"] != end.info["training"][:-1]:
        sys.exit(f"the run did not start from {name} as it is now")
    stretch["averaged"] = {
        "share": arguments.share,
        "with": registry.sha256(name),
        "end": hashlib.sha256(content).hexdigest(),
    }
    arguments.output.mkdir(parents=True)
    mixed = between(start, end, arguments.share)
    (arguments.output / "weights.safetensors").write_bytes(to_bytes(mixed))
    print(arguments.output / "weights.safetensors")


if __name__ == "__main__":
    main()
