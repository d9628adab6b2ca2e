"""The folder of a run: whose it is, and the settings that were written into it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from rnan.errors import ConfigError, ResourceError
from rnan.images import write_whole
from rnan.options.mapping import to_mapping
from rnan.training.config import TrainConfig
from rnan.training.state import checkpoints

_MAY_CHANGE = ("budget.", "log_every", "checkpoint_every", "validation.")
"""Settings that a resumed run may change."""


def check_folder(folder: Path, config: TrainConfig, *, resume: bool) -> None:
    """Refuse to begin where a run is, and to resume where none is or with other settings."""
    settings = folder / "config.yaml"
    if not resume:
        if settings.exists() or checkpoints(folder / "checkpoints"):
            raise ConfigError(f"{folder} holds a run already; pass --resume or another folder")
        return
    if not settings.exists():
        raise ConfigError(f"{folder} holds no run to resume")
    before = _flat(yaml.safe_load(settings.read_text(encoding="utf-8")))
    # As YAML gives it back, so that equal values compare equal.
    now = _flat(yaml.safe_load(_as_yaml(config)))
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key) and not key.startswith(_MAY_CHANGE):
            raise ConfigError(
                f"{key} was {before.get(key)} when the run began and is {now.get(key)} now; "
                "resume with the same settings (budget, log_every, checkpoint_every and validation "
                "may change)"
            )


@contextlib.contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Hold the folder, so that no other process trains in it meanwhile.

    Raises:
        ConfigError: Another one does.
        ResourceError: The folder cannot be written.
    """
    try:
        import fcntl
    except ImportError:  # not on Windows, which has no such locks
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise ResourceError(f"{folder} cannot be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f"another process trains in {folder}; name another folder") from None
        yield


def write_settings(folder: Path, config: TrainConfig) -> None:
    """Write ``config.yaml`` with every setting."""
    write_whole(folder / "config.yaml", _as_yaml(config))


def _as_yaml(config: TrainConfig) -> bytes:
    return yaml.safe_dump(to_mapping(config), sort_keys=False).encode()


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted names and values of nested mappings."""
    if not isinstance(values, dict):
        return {prefix.removesuffix("."): values}
    return {
        name: value
        for key, inner in values.items()
        for name, value in _flat(inner, f"{prefix}{key}.").items()
    }
