"""Results as files that other programs read."""

from __future__ import annotations

import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from rnan import __version__
from rnan.evaluation.runner import Record
from rnan.images import write_whole
from rnan.inference.device import hardware_name
from rnan.tasks import Task
from rnan.weights import registry


def write_json(
    path: Path,
    records: list[Record],
    *,
    task: Task,
    files: list[Path],
    seed: int,
    model: str,
    device: torch.device | None,
) -> None:
    """Write ``records`` and ``run``: version, protocol, seed, date, hardware, hashes.

    Raises:
        InputError: The file cannot be written.
    """
    facts = {
        "version": __version__,
        "torch": torch.__version__,
        "protocol": task.protocol.name,
        "seed": seed,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": hardware_name(device or torch.device("cpu")),
        "data_sha256": _hash_files(files),
        "weights_sha256": _hash_weights(model),
    }
    content: dict[str, Any] = {"records": [row.as_dict() for row in records], "run": facts}
    write_whole(path, json.dumps(content, indent=2).encode())


def _hash_files(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _hash_weights(model: str) -> str:
    if model == "none":
        return ""
    if model in registry.bundled():
        return str(registry.card(model)["sha256"])
    return hashlib.sha256(Path(model).read_bytes()).hexdigest()
