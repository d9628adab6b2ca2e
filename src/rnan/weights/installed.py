"""Weights that are too large for the package: put where an installed ``rnan`` finds them."""

import hashlib
import json
from pathlib import Path
from typing import Any

from rnan.errors import InputError, WeightsError
from rnan.images import write_whole
from rnan.models import PRESETS
from rnan.models.header import header_of
from rnan.options.mapping import parsed
from rnan.weights import registry


def install(file: Path) -> str:
    """Put weights where :func:`rnan.weights.registry.load` finds them; no network is needed.

    Returns:
        The name.

    Raises:
        WeightsError: It is another file than its card says, there is no card, it is no network of
            ours, or its name is taken.
        InputError: The folder cannot be written.
    """
    name = file.stem
    if file.suffix != registry.SUFFIX:
        raise WeightsError(f"{file} is no weights file: its ending must be {registry.SUFFIX}")
    if name in registry.bundled() or name in PRESETS:
        raise WeightsError(f"{name} is a name of rnan's own; call the file otherwise")
    data = registry.content(file)
    card = _card_of(file)
    digest = hashlib.sha256(data).hexdigest()
    if digest != card.get("sha256"):
        raise WeightsError(
            f"{file} is not the {name} of its card: {len(data):,} bytes, SHA-256 {digest[:12]}…, "
            f"the card says {str(card.get('sha256'))[:12]}…"
        )
    header_of(data, name=str(file))
    folder = registry.installed_folder()
    write_whole(folder / f"{name}.json", (json.dumps(card, indent=1) + "\n").encode())
    write_whole(folder / file.name, data)
    return name


def remove(name: str) -> None:
    """Take installed weights away.

    Raises:
        WeightsError: None of that name are installed.
        InputError: They cannot be removed.
    """
    if name not in registry.installed():
        there = ", ".join(registry.installed()) or "none"
        raise WeightsError(f"{name} is not installed; installed are {there}")
    for suffix in (registry.SUFFIX, ".json"):
        file = registry.installed_folder() / f"{name}{suffix}"
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{file} cannot be removed: {error.strerror}") from error


def _card_of(file: Path) -> dict[str, Any]:
    if file.stem in registry.known():
        return registry.card(file.stem)
    beside = file.with_suffix(".json")
    try:
        card = parsed(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"there is no card for {file.stem}: {beside.name} has to lie beside the file; "
            "rnan convert makes both of a trained file"
        ) from error
    if not isinstance(card, dict):
        raise WeightsError(f"{beside} is no model card")
    for key in ("title", "sha256"):
        if not isinstance(card.get(key), str):
            raise WeightsError(f"{beside} is no model card: it does not say its {key}")
    return card
