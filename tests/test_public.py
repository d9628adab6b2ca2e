"""What engineers build on: the public names, their signatures, their types."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import rnan
from rnan.inference import RestoreOptions

TESTS = Path(__file__).parent

PUBLIC = {
    "rnan": {
        "Restorer": None,
        "RnanError": None,
        "__version__": None,
        "list_models": "()",
        "develop": "(path, *, model, noise, noise_scale, rendering, full, isolated, **options)",
        "load_restorer": "(model, *, task, **options)",
        "restore": "(picture, *, task, model, level, sigma, quality, pattern, scale, **options)",
    },
    "rnan.errors": {
        "Cancelled": None,
        "ConfigError": None,
        "InputError": None,
        "MissingExtraError": None,
        "PartialFailure": None,
        "ResourceError": None,
        "RnanError": None,
        "WeightsError": None,
    },
    "rnan.inference": {
        "RestoreOptions": "(*, strength, luma, chroma, noise_scale, self_ensemble, attention, "
        "keep_samples, engine, device, dtype, tile, overlap, max_memory, compile)",
        "Restorer": None,
        "Restorer.__call__": "(self, picture, *, level, sigma, quality, pattern, scale, progress, "
        "cancel)",
        "Restorer.stream": "(self, pictures, *, level, sigma, workers, ahead, errors, cancel, "
        "**given)",
        "Restorer.estimate": "(self, picture)",
        "Restorer.seconds_for": "(self, height, width, *, scale)",
    },
    "rnan.models": {
        "PRESETS": None,
        "RNAN": None,
        "RNANConfig": None,
        "preset": "(name, **changes)",
    },
    "rnan.export": {
        "largest_difference": "(graph, info, checkpoint, task)",
        "to_onnx": "(checkpoint, task, *, name, scale, level, half, card, weights_sha256)",
    },
    "rnan.integrations.hub": {
        "from_pretrained": "(repository, *, revision, **options)",
        "push_to_hub": "(model, repository, **options)",
        "save_pretrained": "(model, folder)",
    },
    "rnan.integrations.spandrel": {"install": "(*, scale, task)"},
}
"""Frozen: what is here stays or is deprecated first (CONTRIBUTING.md). Parameters without their
types; none where the name alone is promised."""


def parameters(function: object) -> str:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    bare = [
        p.replace(annotation=inspect.Parameter.empty, default=inspect.Parameter.empty)
        for p in signature.parameters.values()
    ]
    # A parameter without default may not follow one with, so they are all without.
    return str(inspect.Signature(bare))


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_frozen(module: str) -> None:
    if module.endswith("hub"):
        pytest.importorskip("huggingface_hub", reason="needs the extra hub")
    loaded = importlib.import_module(module)
    names = {name for name in PUBLIC[module] if "." not in name}
    if hasattr(loaded, "__all__"):
        assert sorted(loaded.__all__) == sorted(names)
    for name, frozen in PUBLIC[module].items():
        found = loaded
        for word in name.split("."):
            found = getattr(found, word)
        if frozen is not None:
            assert parameters(found) == frozen, name


def test_what_is_not_there() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = rnan.nothing


def test_options_are_deprecated_but_there() -> None:
    with pytest.warns(DeprecationWarning, match="take rnan.inference.RestoreOptions"):
        from rnan.inference.options import Options
    assert [*Options.__annotations__] == [one.name for one in dataclasses.fields(RestoreOptions)]


@pytest.mark.bars
def test_a_strict_consumer_is_typed(tmp_path: Path) -> None:
    """The types that are installed with the package, as a program that uses them sees them."""
    pytest.importorskip("mypy", reason="needs the extra dev")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"]
    command += ["--cache-dir", str(tmp_path)]
    done = subprocess.run(
        [*command, "--warn-unused-ignores", "consumer.py"],
        cwd=TESTS,
        capture_output=True,
        text=True,
    )
    wrong = [line for line in done.stdout.splitlines() if line.startswith("consumer.py")]
    assert wrong == []
    assert done.returncode == 0, done.stdout + done.stderr
