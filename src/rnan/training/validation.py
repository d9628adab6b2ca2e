"""How good a network is on the validation pictures, by the code behind ``rnan evaluate``."""

import torch

from rnan.engines.torch import TorchEngine
from rnan.evaluation.datasets import Reference, middle
from rnan.evaluation.methods import Network
from rnan.evaluation.runner import Score, measure
from rnan.inference import Restorer
from rnan.models.checkpoints import Checkpoint
from rnan.tasks import Task
from rnan.tasks.level import Level
from rnan.training.config import ValidationSection


class Validation:
    """Crops while a run goes on, whole pictures at its end."""

    def __init__(
        self,
        section: ValidationSection,
        task: Task,
        pictures: list[Reference],
        *,
        levels: list[Level],
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._task = task
        self._pictures = pictures
        self._crops = [middle(one, section.crop) for one in pictures[: section.pictures]]
        self._levels = levels
        self._device = device
        self._dtype = torch.float32 if dtype == torch.float64 else dtype

    def crops(self, weights: Checkpoint) -> list[Score]:
        """Scores on the crops."""
        return self._measure(weights, self._crops)

    def whole(self, weights: Checkpoint) -> list[Score]:
        """Scores on the whole pictures."""
        return self._measure(weights, self._pictures)

    def _measure(self, weights: Checkpoint, pictures: list[Reference]) -> list[Score]:
        engine = TorchEngine(weights.build(), device=self._device, dtype=self._dtype)
        network = Network(Restorer(self._task, engine))
        return measure(self._task, pictures, self._levels, network, with_ssim=False)
