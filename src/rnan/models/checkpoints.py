"""Networks to and from bytes, and the key names of the authors' checkpoints.

A weights file is safetensors: tensors and a block of text, so that nothing in it is ever
executed. The text holds the network's own :class:`~rnan.models.config.RNANConfig`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from rnan.errors import WeightsError
from rnan.models.attention import NonLocalBlock
from rnan.models.config import RNANConfig
from rnan.models.header import FORMAT, Header, damaged, header_of
from rnan.models.rnan import RNAN
from rnan.options.mapping import to_mapping


@dataclass(frozen=True, kw_only=True)
class Checkpoint(Header):
    """A network's shape, its tensors and facts about them."""

    state: dict[str, Tensor]

    def build(self) -> RNAN:
        """The network in 32 bits, in evaluation mode.

        Raises:
            WeightsError: A tensor is missing, superfluous or of another shape.
        """
        with torch.device("meta"):
            model = RNAN(self.config)
        expected = {key: tensor.shape for key, tensor in model.state_dict().items()}
        for key in sorted(expected.keys() | self.state.keys()):
            if key not in self.state:
                raise WeightsError(f"weights lack {key}; they are of another network")
            if key not in expected:
                raise WeightsError(f"weights hold an unknown {key}; they are of another network")
            if self.state[key].shape != expected[key]:
                raise WeightsError(
                    f"weights have {key} of shape {tuple(self.state[key].shape)}, "
                    f"the network needs {tuple(expected[key])}"
                )
        state = {key: tensor.float() for key, tensor in self.state.items()}
        model.load_state_dict(state, strict=True, assign=True)
        return model.eval().requires_grad_(False)


def to_bytes(checkpoint: Checkpoint, *, dtype: torch.dtype = torch.float16) -> bytes:
    """Serialise, floating-point tensors as ``dtype``."""
    tensors = {
        key: tensor.detach().to("cpu", dtype).contiguous()
        for key, tensor in checkpoint.state.items()
    }
    header = {"config": to_mapping(checkpoint.config), **checkpoint.info}
    return save_tensors(tensors, {"format": FORMAT, "rnan": json.dumps(header, sort_keys=True)})


def from_bytes(data: bytes, *, name: str = "the file") -> Checkpoint:
    """Read what :func:`to_bytes` wrote.

    Raises:
        WeightsError: The bytes are not a weights file of this program, or are damaged.
    """
    try:
        state = load_tensors(data)
    except SafetensorError as error:
        raise damaged(name, error) from error
    header = header_of(data, name=name)
    if not all(tensor.is_floating_point() for tensor in state.values()):
        raise WeightsError(f"{name} holds tensors that are not floating-point numbers")
    if any(not tensor.isfinite().all() for tensor in state.values()):
        raise WeightsError(f"{name} holds values that are not finite")
    return Checkpoint(config=header.config, state=state, info=header.info)


def load_fitting(model: RNAN, state: Mapping[str, Tensor]) -> list[str]:
    """Start ``model`` from the tensors of ``state`` that fit it by name and shape.

    A non-local block that ``state`` does not have starts as the identity, W_z = 0 (Section 3.2.3),
    so that it changes nothing at first.

    Returns:
        One line for each kind of thing that did not fit; empty when everything did.
    """
    own = model.state_dict()
    fitting = {
        key: tensor.float()
        for key, tensor in state.items()
        if key in own and own[key].shape == tensor.shape
    }
    if not fitting:
        raise WeightsError("none of the weights fit this network; they are of another one")
    model.load_state_dict(fitting, strict=False)
    for name, module in model.named_modules():
        if isinstance(module, NonLocalBlock) and f"{name}.out.weight" not in fitting:
            module.start_as_identity()
    kinds = {
        "start as they were made": [key for key in own if key not in state],
        "are of another shape and start as they were made": [
            key for key in own if key in state and key not in fitting
        ],
        "of the file are not used": [key for key in state if key not in own],
    }
    return [
        f"{len(keys)} tensors {what} ({keys[0]}{', …' if len(keys) > 1 else ''})"
        for what, keys in kinds.items()
        if keys
    ]


_RELEASED_BLOCK = [
    (r"before\.(\d+)\.", r"body.0.RA_RB1.\1."),
    (r"trunk\.(\d+)\.", r"body.0.RA_TB.0.body.\1."),
    (r"mask\.nonlocal_block\.out\.", r"body.0.RA_MB.0.MB_RB1.0.W."),
    (r"mask\.nonlocal_block\.", r"body.0.RA_MB.0.MB_RB1.0."),
    (r"mask\.down\.", r"body.0.RA_MB.0.MB_Down.0."),
    (r"mask\.low\.(\d+)\.", r"body.0.RA_MB.0.MB_RB2.\1."),
    (r"mask\.up\.", r"body.0.RA_MB.0.MB_Up.0."),
    (r"mask\.after\.(\d+)\.", r"body.0.RA_MB.0.MB_RB3.\1."),
    (r"mask\.last\.", r"body.0.RA_MB.0.MB_1x1conv.0."),
    (r"after\.(\d+)\.", r"body.0.RA_tail.\1."),
    (r"last\.", r"body.1."),
]
"""Our names inside a block, and the authors'; the first that matches the start counts."""


def released_keys(config: RNANConfig) -> dict[str, str]:
    """The authors' name of every tensor of a ``released`` network, by our name.

    Their mean shifts (``sub_mean.*``, ``add_mean.*``) have no counterpart: the mean is part of
    our configuration.
    """
    with torch.device("meta"):
        names = list(RNAN(config).state_dict())
    return {name: _released_key(name, config) for name in names}


def _released_key(name: str, config: RNANConfig) -> str:
    if name.startswith("head."):
        return name.replace("head.", "head.0.", 1)
    if name.startswith("body_conv."):
        return name.replace("body_conv", f"body.{config.plan.count('L')}", 1)
    if name.startswith("tails."):
        return re.sub(r"^tails\.x\d+\.", "tail.", name)
    _, index, rest = name.split(".", 2)
    position = int(index)
    if config.plan[position] == "L":
        place = f"body.{config.plan[:position].count('L')}"
    else:
        place = "body_nl_low.0" if position == 0 else "body_nl_high.0"
        # The authors' non-local block is the first entry of the list of residual blocks.
        rest = re.sub(r"^mask\.before\.(\d+)", lambda m: f"mask.before.{int(m[1]) + 1}", rest)
    rest = re.sub(r"^mask\.before\.(\d+)\.", r"body.0.RA_MB.0.MB_RB1.\1.", rest)
    for ours, theirs in _RELEASED_BLOCK:
        rest, replaced = re.subn("^" + ours, theirs, rest)
        if replaced:
            break
    rest = rest.replace(".conv1.", ".body.0.").replace(".conv2.", ".body.2.")
    return f"{place}.{rest}"
