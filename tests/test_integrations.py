"""Ours in other people's libraries: spandrel (and chaiNNer), the Hugging Face Hub."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conftest import photo, small_model
from rnan.api import load_restorer
from rnan.degradations.mosaic import mosaic
from rnan.engines.peer import import_spandrel, open_peer
from rnan.errors import ConfigError, WeightsError
from rnan.models import PRESETS, RNAN, preset
from rnan.models.checkpoints import Checkpoint, released_keys, to_bytes
from rnan.models.recognise import config_of, is_ours
from rnan.weights import registry

WEIGHTS = Path(registry.__file__).parent


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_shapes_are_told_from_tensors(name: str) -> None:
    with torch.device("meta"):
        state = RNAN(PRESETS[name]).state_dict()
    assert is_ours(state)
    found = config_of(state)
    if name == "released":  # tensors show neither; files of the authors' have other names
        assert (found.softmax, found.value_range) == ("queries", 255.0)
    assert found == PRESETS[name]


@pytest.mark.parametrize("name", registry.bundled())
def test_shapes_of_bundled_weights(name: str) -> None:
    checkpoint = registry.load(name)
    assert config_of(checkpoint.state) == checkpoint.config


def test_other_tensors_are_not_ours() -> None:
    with pytest.raises(WeightsError, match="another network"):
        config_of({"head.weight": torch.zeros(8, 3, 3, 3), "body.0.x": torch.zeros(1)})
    state = small_model().state_dict()
    state["body.0.before.0.conv1.weight"] = torch.zeros(8, 8, 5, 5)
    with pytest.raises(WeightsError, match="another network"):
        config_of(state)


# --- spandrel -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def spandrel() -> Any:
    """The real library, with our architecture in it."""
    if importlib.util.find_spec("spandrel") is None:
        pytest.skip("needs the extra spandrel")
    from rnan.integrations import spandrel as ours

    ours.install()
    return import_spandrel()


def edsr(*, deep: bool = False) -> dict[str, torch.Tensor]:
    """Tensors by the names of EDSR and RCAN, from whose program the authors' grew."""
    state = {"head.0.weight": torch.zeros(64, 3, 3, 3), "head.0.bias": torch.zeros(64)}
    place = "body.0.body.0.body.0" if deep else "body.0.body.0"
    state[f"{place}.weight"] = torch.zeros(64, 64, 3, 3)
    state["tail.0.0.weight"] = torch.zeros(256, 64, 3, 3)
    state["tail.1.weight"] = torch.zeros(3, 64, 3, 3)
    return state


def test_detected_by_names_and_told_from_relatives() -> None:
    from rnan.integrations.spandrel import detect

    assert detect(small_model().state_dict())
    config = preset("released", plan="NLN", features=4, inner=4)
    theirs = {key: torch.zeros(1) for key in released_keys(config).values()}
    assert detect(theirs)
    assert not detect(edsr())
    assert not detect(edsr(deep=True))
    assert not detect({})


@pytest.mark.parametrize("name", registry.bundled())
def test_bundled_weights_through_spandrel(name: str, spandrel: Any) -> None:
    """The same as ours, the task and the level found out."""
    model = spandrel.ModelLoader().load_from_file(WEIGHTS / f"{name}.safetensors")
    assert model.architecture.id == "RNAN"
    assert {"demosaic-raw": "demosaic"}.get(name, name) in model.tags  # the task
    assert model.tiling == spandrel.ModelTiling.INTERNAL
    pixels = photo(60, 90, channels=model.input_channels).astype(np.float64)
    if name.startswith("demosaic"):
        pixels = mosaic(pixels, "rggb")
    picture = torch.from_numpy(pixels / 255).float().permute(2, 0, 1)[None]
    level = model.scale if name == "super-resolution" else "auto"
    expected = load_restorer(name, engine="torch", dtype="float32")(picture, level=level)
    assert torch.equal(model(picture), expected.clamp(0, 1))


def test_authors_checkpoints_through_spandrel(spandrel: Any, tmp_path: Path) -> None:
    config = preset("released", plan="NLN", features=8, inner=4)
    torch.manual_seed(0)
    network = RNAN(config)
    names = released_keys(config)
    theirs = {names[key]: tensor for key, tensor in network.state_dict().items()}
    torch.save(theirs, tmp_path / "theirs.pth")
    model = spandrel.ModelLoader().load_from_file(tmp_path / "theirs.pth")
    assert model.architecture.id == "RNAN"
    picture = torch.rand(1, 3, 40, 50)
    ours = load_restorer(tmp_path / "theirs.pth", task="denoise-color", dtype="float32")
    assert torch.equal(model(picture), ours(picture).clamp(0, 1))


def test_relatives_are_not_taken_by_us(spandrel: Any) -> None:
    for state in (edsr(), edsr(deep=True)):
        try:
            found = spandrel.MAIN_REGISTRY.load(state)
        except Exception:
            continue
        assert found.architecture.id != "RNAN"


def test_a_scale_can_be_chosen(spandrel: Any) -> None:
    from rnan.integrations.spandrel import install

    try:
        install(scale=2)
        file = WEIGHTS / "super-resolution.safetensors"
        model = spandrel.ModelLoader().load_from_file(file)
        assert (model.scale, model.purpose) == (2, "SR")
        assert model(torch.rand(1, 3, 20, 30)).shape == (1, 3, 40, 60)
        install(scale=7)
        with pytest.raises(ConfigError, match="not by 7"):
            spandrel.ModelLoader().load_from_file(file)
        with pytest.raises(ConfigError, match="unknown task"):
            install(task="sharpen")
    finally:
        install()


def test_networks_that_spandrel_knows_are_peers(spandrel: Any, tmp_path: Path) -> None:
    """DnCNN's plain row of convolutions, through our tiles."""
    from spandrel.architectures.DnCNN import DnCNN

    torch.manual_seed(0)
    network = DnCNN(in_nc=3, out_nc=3, nc=8, nb=9, act_mode="R")
    torch.save(network.state_dict(), tmp_path / "dncnn.pth")
    engine = open_peer(tmp_path / "dncnn.pth", torch.device("cpu"))
    assert (engine.channels, engine.scales, engine.takes_level) == (3, (1,), False)
    picture = torch.rand(1, 3, 33, 47)
    with torch.no_grad():
        expected = network.eval()(picture).clamp(0, 1)
    np.testing.assert_allclose(engine(picture.numpy(), None, 1), expected, rtol=1e-5, atol=1e-6)
    (tmp_path / "other.pth").write_bytes(to_bytes(Checkpoint(config=preset("compact"), state={})))
    for broken in ("other.pth", "missing.pth"):
        with pytest.raises(WeightsError, match=r"cannot load|does not exist"):
            open_peer(tmp_path / broken, torch.device("cpu"))


# --- the Hub --------------------------------------------------------------------------------------


def test_hub_round_trip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub", reason="needs the extra hub")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from rnan.integrations import hub

    hub.save_pretrained("denoise-gray", tmp_path / "repository")
    names = {file.name for file in (tmp_path / "repository").iterdir()}
    assert names == {"config.json", "model.safetensors", "README.md"}
    card = (tmp_path / "repository" / "README.md").read_text("utf-8")
    assert "license_name: research-only" in card
    assert registry.card("denoise-gray")["limits"] in card
    restorer = hub.from_pretrained(tmp_path / "repository", dtype="float32")
    picture = photo(40, 50, channels=1)
    expected = load_restorer("denoise-gray", dtype="float32", engine="torch")(picture, level=25)
    assert np.array_equal(restorer(picture, level=25), expected)


@pytest.mark.parametrize("shape", [(3,), (3, 3, 3, 3)])
def test_tensors_of_no_network(shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightsError, match="of another network"):
        config_of({"head.weight": torch.zeros(shape)})


def test_what_holds_no_network_of_ours(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="needs the extra hub")
    from rnan.integrations import hub

    (tmp_path / "config.json").write_text('{"architectures": ["Bert"]}')
    for name in (tmp_path, tmp_path / "missing"):
        with pytest.raises(WeightsError, match="no network of rnan") as caught:
            hub.from_pretrained(name)
        assert "\n" not in str(caught.value)
