"""Networks on the Hugging Face Hub, by the mixin of its library.

A repository holds ``config.json`` (the network's shape and what is known of it),
``model.safetensors`` and ``README.md``, the model's card. A folder on disk does as well as a name
on the Hub, so that everything works without a network.

    from rnan.integrations import hub
    hub.push_to_hub("denoise-color", "me/rnan-denoise-color")
    restorer = hub.from_pretrained("me/rnan-denoise-color")
"""

import json
from pathlib import Path
from typing import Any

from rnan.engines.torch import torch_engine
from rnan.errors import ConfigError, MissingExtraError, WeightsError
from rnan.inference import RestoreOptions, Restorer
from rnan.models import RNAN, RNANConfig
from rnan.models.checkpoints import Checkpoint
from rnan.options.mapping import from_mapping, to_mapping
from rnan.tasks import Task, get_task
from rnan.weights import registry

try:
    from huggingface_hub import ModelCard, PyTorchModelHubMixin
except ImportError as error:
    raise MissingExtraError("huggingface_hub", "hub") from error

PAPER = "https://openreview.net/forum?id=HkeGhoA5FX"


class HubRNAN(
    RNAN,
    PyTorchModelHubMixin,
    library_name="rnan",
    pipeline_tag="image-to-image",
    tags=["image-restoration", "rnan"],
    paper_url=PAPER,
):
    """An :class:`~rnan.models.RNAN` that the Hub's library can store and load.

    Args:
        shape: Fields of :class:`~rnan.models.RNANConfig`.
        info: What the weights say of themselves: ``task``, ``level_range`` and so on.
    """

    def __init__(self, shape: dict[str, Any], info: dict[str, Any]) -> None:
        super().__init__(from_mapping(RNANConfig, shape))
        self.info = info

    def generate_model_card(self, *args: Any, **kwargs: Any) -> ModelCard:
        """The card, from what is known of the weights."""
        return ModelCard(_card_text(self.info))


def load(model: str | Path) -> HubRNAN:
    """Weights by name or a weights file, ready for the Hub.

    Raises:
        WeightsError: They cannot be loaded.
    """
    checkpoint = registry.load(model)
    card = registry.card(str(model)) if str(model) in registry.names() else {}
    info = {"name": Path(model).stem, **checkpoint.info, **({"card": card} if card else {})}
    network = HubRNAN(shape=to_mapping(checkpoint.config), info=info)
    network.load_state_dict(checkpoint.build().state_dict())
    network.eval()
    return network


def save_pretrained(model: str | Path, folder: str | Path) -> None:
    """Write ``config.json``, ``model.safetensors`` and the card into a folder.

    Args:
        model: A name of bundled weights, or a weights file.
        folder: Where; it is made.

    Raises:
        WeightsError: The weights cannot be loaded.
    """
    load(model).save_pretrained(folder)


def push_to_hub(model: str | Path, repository: str, **options: Any) -> str:
    """Upload weights to the Hub; the library's login is used.

    Args:
        model: A name of bundled weights, or a weights file.
        repository: ``user/name``.
        options: As for ``PyTorchModelHubMixin.push_to_hub``: ``private``, ``token``, ``branch``.

    Returns:
        The address of the commit.

    Raises:
        WeightsError: The weights cannot be loaded.
    """
    return str(load(model).push_to_hub(repository, **options))


def from_pretrained(
    repository: str | Path, *, revision: str | None = None, **options: Any
) -> Restorer:
    """A restorer from a repository on the Hub, or from a folder.

    Args:
        repository: ``user/name`` or a folder.
        revision: Branch, tag or commit.
        options: Fields of :class:`~rnan.inference.RestoreOptions`.

    Raises:
        WeightsError: There is no such repository, or it holds no network of ours.
        ConfigError: An option is unknown or out of range.
    """
    settings = from_mapping(RestoreOptions, options)
    if settings.engine not in (None, "torch"):
        raise ConfigError("networks from the Hub are run by PyTorch; leave engine= out")
    try:
        model = HubRNAN.from_pretrained(str(repository), revision=revision, strict=True)
        task = _task_of(model.info)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        message = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise WeightsError(f"{repository} holds no network of rnan: {message[:160]}") from error
    checkpoint = Checkpoint(config=model.config, state=model.state_dict())
    return Restorer(task, torch_engine(checkpoint, settings), settings)


def _task_of(info: dict[str, Any]) -> Task:
    return get_task(str(info["task"]))


def _card_text(info: dict[str, Any]) -> str:
    """Front matter for the Hub, then the card for people."""
    card: dict[str, Any] = info.get("card", {})
    title = card.get("title", info.get("task", "image restoration"))
    front = {
        "library_name": "rnan",
        "pipeline_tag": "image-to-image",
        "tags": ["image-restoration", "rnan"],
        **({"license": "other", "license_name": "research-only"} if "licence_note" in card else {}),
        "model-index": [{"name": info.get("name", "rnan"), "results": _results(info, card)}],
    }
    lines = [
        "---",
        *(f"{key}: {json.dumps(value)}" for key, value in front.items()),
        "---",
        f"# {info.get('name', 'rnan')}: {title}",
        "",
        f"A residual non-local attention network ([Zhang et al., ICLR 2019]({PAPER})).",
        "",
        "```python",
        "from rnan.integrations import hub",
        'restorer = hub.from_pretrained("user/name")',
        "restored = restorer(picture)",
        "```",
        "",
    ]
    for key, head in (("limits", "Limits"), ("licence_note", "Licence")):
        if key in card:
            lines += [f"## {head}", "", str(card[key]), ""]
    if card.get("metrics"):
        lines += ["## Measured", "", "| pictures | level | | |", "|---|---|---|---|"]
        lines += [
            f"| {row['dataset']} | {row['level']} | {row['metric']} | {row['value']:.3f} |"
            for row in card["metrics"]
        ]
    return "\n".join(lines) + "\n"


def _results(info: dict[str, Any], card: dict[str, Any]) -> list[dict[str, Any]]:
    """The card's figures as the Hub wants them."""
    return [
        {
            "task": {"type": "image-to-image", "name": str(info.get("task", ""))},
            "dataset": {"name": f"{row['dataset']}, level {row['level']}", "type": row["dataset"]},
            "metrics": [{"type": row["metric"], "value": row["value"]}],
        }
        for row in card.get("metrics", [])
    ]
