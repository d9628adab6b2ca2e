"""Weights beside the package: installed from a file, listed, used, removed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import rnan
from conftest import invoke, photo, small_model
from rnan.errors import WeightsError
from rnan.models import RNAN, preset
from rnan.models.checkpoints import Checkpoint, to_bytes
from rnan.weights import registry
from rnan.weights.installed import install, remove


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    registry._load.cache_clear()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Weights and their card."""
    torch.manual_seed(0)
    model = small_model()
    info = {"task": "denoise-color"}
    checkpoint = Checkpoint(config=model.config, state=model.state_dict(), info=info)
    file = tmp_path / "denoise-color-large.safetensors"
    file.write_bytes(to_bytes(checkpoint))
    card = {
        "task": "denoise-color",
        "title": "large colour denoising",
        "licence_note": "for research",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    file.with_suffix(".json").write_text(json.dumps(card))
    return file


def test_a_trained_file_is_installed_by_way_of_convert(tmp_path: Path) -> None:
    model = small_model()
    trained = tmp_path / "weights.safetensors"
    info = {"task": "denoise-color", "level_range": [0, 75], "training": [{"steps": 3}]}
    trained.write_bytes(
        to_bytes(Checkpoint(config=model.config, state=model.state_dict(), info=info))
    )
    with pytest.raises(WeightsError, match=r"no card for weights.*rnan convert makes both"):
        install(trained)
    mine = tmp_path / "mine.safetensors"
    invoke("convert", trained, "-o", mine, "--task", "denoise-color")
    assert "is installed in" in invoke("models", "install", mine)
    picture = photo(24, 30)
    of_name, of_file = (rnan.restore(picture, model=one, level=25) for one in ("mine", trained))
    assert np.array_equal(of_name, of_file)
    assert "denoise-color, levels 0 to 75" in invoke("models", "show", "mine")


def test_installed_used_and_removed(file: Path) -> None:
    assert "is installed in" in invoke("models", "install", file)
    file.unlink()
    file.with_suffix(".json").unlink()
    assert registry.installed() == ["denoise-color-large"]
    assert "denoise-color-large" in rnan.list_models()
    line = "  denoise-color-large  large colour denoising (for research)"
    assert f"installed weights\n{line}" in invoke("models", "list")
    assert "parameters" in invoke("models", "show", "denoise-color-large")
    picture = photo(24, 30)
    restored = rnan.restore(picture, model="denoise-color-large", level=25)
    assert restored.shape == picture.shape
    assert not np.array_equal(restored, rnan.restore(picture, level=25))
    assert "is removed" in invoke("models", "remove", "denoise-color-large")
    assert registry.installed() == []
    with pytest.raises(WeightsError, match="unknown model denoise-color-large"):
        rnan.load_restorer("denoise-color-large")
    with pytest.raises(WeightsError, match="is not installed; installed are none"):
        remove("denoise-color-large")


@pytest.mark.bars
def test_a_row_of_table_7(tmp_path: Path) -> None:
    """Of a network that has a preset's shape and is told σ besides."""
    config = preset("paper-small", level_channel=True)
    info = {"task": "denoise-color"}
    checkpoint = Checkpoint(config=config, state=RNAN(config).state_dict(), info=info)
    file = tmp_path / "large.safetensors"
    file.write_bytes(to_bytes(checkpoint))
    row = {"dataset": "kodak24", "level": "50", "metric": "psnr", "value": 29.4}
    card = {
        **info,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "title": "large",
        "licence_note": "for research",
        "metrics": [row],
    }
    file.with_suffix(".json").write_text(json.dumps(card))
    said = invoke("bench", "--preset", "paper-small", "--size", "16x16", "--runs", "1")
    assert "| 29.40 |" not in said
    install(file)
    said = invoke("bench", "--preset", "paper-small", "--size", "16x16", "--runs", "1")
    (line,) = (line for line in said.splitlines() if line.endswith("| 29.40 |  | |"))
    assert line.startswith("| paper-small, ")


def test_the_card_of_the_package_counts(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A known network: its card came with the package, whatever lies beside the file."""
    package = tmp_path / "package"
    package.mkdir()
    card = json.loads(file.with_suffix(".json").read_text())
    (package / file.with_suffix(".json").name).write_text(json.dumps(card))
    monkeypatch.setattr(registry, "_package", lambda: package)
    assert registry.known() == ["denoise-color-large"]
    assert "known weights that are not here\n  denoise-color-large" in invoke("models", "list")
    with pytest.raises(WeightsError, match="rnan models install FILE"):
        registry.load("denoise-color-large")
    file.write_bytes(file.read_bytes() + b" ")
    other = {**card, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    file.with_suffix(".json").write_text(json.dumps(other))
    with pytest.raises(WeightsError, match="is not the denoise-color-large of its card"):
        install(file)
    file.write_bytes(file.read_bytes()[:-1])
    assert install(file) == "denoise-color-large"
    assert registry.known() == []


def test_weights_of_a_checkout(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`weights/` beside `src`: too large for the package, found from the source."""
    checkout = tmp_path / "checkout"
    module = checkout / "src" / "rnan" / "weights" / "registry.py"
    module.parent.mkdir(parents=True)
    (checkout / "weights").mkdir()
    for one in (file, file.with_suffix(".json")):
        one.rename(checkout / "weights" / one.name)
    monkeypatch.setattr(registry, "__file__", str(module))
    assert "denoise-color-large" in registry.names()
    assert registry.load("denoise-color-large").info["task"] == "denoise-color"
    assert "weights in this checkout\n  denoise-color-large" in invoke("models", "list")


def truncate(file: Path) -> Path:
    file.write_bytes(file.read_bytes()[:-100])
    return file


def of_another_kind(file: Path) -> Path:
    file.write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    card = {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "title": "x"}
    file.with_suffix(".json").write_text(json.dumps(card))
    return file


def without_card(file: Path) -> Path:
    file.with_suffix(".json").unlink()
    return file


def with_a_card_that_is_none(file: Path) -> Path:
    file.with_suffix(".json").write_text("[]")
    return file


def with_a_bare_card(file: Path) -> Path:
    weights = file.rename(file.with_name("of-my-own.safetensors"))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    weights.with_suffix(".json").write_text(json.dumps({"sha256": digest}))
    return weights


def called_like_ours(file: Path) -> Path:
    return file.rename(file.with_name("denoise-color.safetensors"))


def a_picture(file: Path) -> Path:
    return file.rename(file.with_name("photo.png"))


def missing(file: Path) -> Path:
    return file.with_name("nothing.safetensors")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (truncate, "is not the denoise-color-large of its card"),
        (of_another_kind, "is not a weights file of rnan"),
        (without_card, "has to lie beside"),
        (with_a_card_that_is_none, "is no model card"),
        (with_a_bare_card, "does not say its title"),
        (called_like_ours, "a name of rnan's own"),
        (a_picture, "its ending must be .safetensors"),
        (missing, "cannot be read"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(harm: object, message: str, file: Path) -> None:
    with pytest.raises(WeightsError, match=message) as caught:
        invoke("models", "install", harm(file))  # type: ignore[operator]
    assert "\n" not in str(caught.value)
    assert registry.installed() == []


def test_what_was_damaged_since_is_refused(file: Path) -> None:
    install(file)
    there = registry.installed_folder() / file.name
    there.write_bytes(there.read_bytes()[:-1] + b"\xff")
    with pytest.raises(WeightsError, match="are damaged; install them again"):
        registry.load("denoise-color-large")
