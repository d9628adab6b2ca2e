"""What turns gradients into steps: PyTorch's Adam and AdamW, and Muon for convolutions."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from rnan.training.config import OptimizerSection

_MUON_MOMENTUM = 0.95
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd polynomial that pushes singular values towards 1 (Jordan et al.)."""


class Optimizer:
    """The optimiser of a run: one of PyTorch's, or Muon with AdamW for what Muon does not fit.

    A step is skipped where the gradient is not finite, without a look from the processor; mask
    branches learn at their own rate (``docs/decisions.md``).
    """

    def __init__(self, model: nn.Module, section: OptimizerSection) -> None:
        self._names = {parameter: name for name, parameter in model.named_parameters()}
        kernels = set(_inner_kernels(model)) if section.name == "muon" else set()
        adam = torch.optim.Adam if section.name == "adam" else torch.optim.AdamW
        self._rate = section.learning_rate
        self._parts: list[torch.optim.Optimizer] = [
            adam(
                self._groups(set(self._names) - kernels, section.mask_rate),
                lr=section.learning_rate,
                betas=(section.betas[0], section.betas[1]),
                eps=section.eps,
                weight_decay=section.weight_decay,
                fused=True,  # skips a step by itself where it is not finite
            )
        ]
        if kernels:
            groups = self._groups(kernels, section.mask_rate)
            self._parts.append(
                Muon(groups, lr=section.learning_rate, weight_decay=section.weight_decay)
            )

    def _groups(self, chosen: set[nn.Parameter], mask_rate: float) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = [
            {"params": [], "share": 1.0},
            {"params": [], "share": mask_rate},
        ]
        for parameter, name in self._names.items():
            if parameter in chosen:
                groups[".mask." in name]["params"].append(parameter)
        return [group for group in groups if group["params"]]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self._parts:
            part.zero_grad()

    def step(self, factor: float, bad: Tensor) -> None:
        """Move the weights.

        Args:
            factor: Of the learning rate, from the schedule.
            bad: 1 where the step must not count, else 0; a scalar on the device.
        """
        for part in self._parts:
            part.found_inf = bad  # type: ignore[attr-defined]
            for group in part.param_groups:
                group["lr"] = factor * self._rate * group["share"]
            part.step()

    def state(self) -> Iterator[tuple[str, str, Tensor]]:
        """All that it remembers: name of the parameter, of the quantity, and the tensor."""
        for part in self._parts:
            for parameter, values in part.state.items():
                for key, value in values.items():
                    yield self._names[parameter], key, value  # type: ignore[index]

    def load_state(self, saved: dict[str, dict[str, Tensor]]) -> None:
        """Take what :meth:`state` gave: tensors by the name of the parameter and the quantity."""
        for part in self._parts:
            for group in part.param_groups:
                for parameter in group["params"]:
                    values = saved.get(self._names[parameter], {})
                    if values:
                        part.state[parameter] = {
                            key: _like(parameter, value) for key, value in values.items()
                        }


class Muon(torch.optim.Optimizer):
    """Momentum whose steps have all singular values near 1 (Jordan et al., 2024).

    A kernel ``(O, I, H, W)`` is the matrix ``(O, I·H·W)``. Steps are scaled to the size of Adam's
    (Liu et al., 2025: 0.2·sqrt(max(rows, columns))), so that both take the same learning rate.
    PyTorch's own Muon takes matrices only and one at a time; kernels of one shape go together
    here.
    """

    found_inf: Tensor
    """Set before each step: 1 skips it."""

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float,
        momentum: float = _MUON_MOMENTUM,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step."""
        good = 1.0 - self.found_inf
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault(parameter.shape, []).append(parameter)
            for alike in shapes.values():
                self._move(alike, group, good)

    def _move(self, alike: list[nn.Parameter], group: dict[str, Any], good: Tensor) -> None:
        for parameter in alike:
            if "momentum" not in self.state[parameter]:
                self.state[parameter]["momentum"] = torch.zeros_like(parameter)
        momenta = [self.state[parameter]["momentum"] for parameter in alike]
        grads = torch.stack([parameter.grad for parameter in alike])  # type: ignore[misc]
        grads = torch.nan_to_num(grads, nan=0.0, posinf=0.0, neginf=0.0)
        weight = ((1.0 - group["momentum"]) * good).to(grads.dtype)
        for momentum, grad in zip(momenta, grads, strict=True):
            momentum.lerp_(grad, weight)
        steps = orthogonalised(grads.lerp_(torch.stack(momenta), group["momentum"]).flatten(2))
        factor = group["lr"] * good
        steps *= 0.2 * max(steps.shape[1:]) ** 0.5 * factor
        for parameter, step in zip(alike, steps, strict=True):
            if group["weight_decay"]:
                parameter.mul_(1.0 - factor * group["weight_decay"])
            parameter.sub_(step.view_as(parameter))


def orthogonalised(matrices: Tensor, *, iterations: int = 5) -> Tensor:
    """The nearest matrices with all singular values about 1, by Newton and Schulz's iteration.

    Args:
        matrices: ``(B, M, N)``.
        iterations: Five leave the singular values between about 0.7 and 1.2.
    """
    a, b, c = _NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x: Tensor = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(iterations):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


def _inner_kernels(model: nn.Module) -> Iterator[nn.Parameter]:
    """Kernels between the first and the last convolution, which see features on both sides."""
    for name, parameter in model.named_parameters():
        if parameter.ndim == 4 and not name.startswith(("head.", "tails.")):
            yield parameter


def _like(parameter: nn.Parameter, value: Tensor) -> Tensor:
    # In the parameter's own memory order, so that sums run in the same order as before.
    like = parameter.detach() if value.shape == parameter.shape else value
    return torch.empty_like(like, dtype=value.dtype, device=parameter.device).copy_(value)
