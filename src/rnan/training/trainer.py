"""The training loop."""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rnan.engines.device import hardware_name
from rnan.engines.torch_device import choose_device, choose_dtype
from rnan.errors import ConfigError, RnanError
from rnan.evaluation.runner import Score
from rnan.images import write_whole
from rnan.models import RNANConfig
from rnan.models.checkpoints import Checkpoint, to_bytes
from rnan.options.mapping import to_mapping
from rnan.tasks import get_task
from rnan.training.cache import Pictures
from rnan.training.config import TrainConfig
from rnan.training.distributed import Processes, own_device
from rnan.training.folder import check_folder, claim, write_settings
from rnan.training.learner import Learner
from rnan.training.log import RunLog
from rnan.training.preparation import (
    check_suits,
    levels_of,
    patch_sampler,
    shape_of,
    starting_model,
    training_pictures,
)
from rnan.training.sampler import Part
from rnan.training.schedule import rate, share_spent
from rnan.training.state import checkpoints, load_newest, save_state
from rnan.training.validation import Validation

_log = logging.getLogger(__name__)
_MOST_SKIPPED_IN_A_ROW = 20


@dataclass(frozen=True, kw_only=True)
class Status:
    """How a run stands; handed to ``report``."""

    step: int
    spent: float
    """Share of the budget."""
    seconds: float
    loss: float
    learning_rate: float
    patches_per_second: float
    psnr: dict[str, float]
    """Newest validation, by level."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a run ended."""

    finished: bool
    """False when it was stopped before its budget was spent; ``resume`` goes on."""
    weights: Path
    step: int
    scores: list[Score]
    """Scores on the whole validation pictures; empty when the run was stopped."""


class Trainer:
    """One training run in one folder.

    Several processes that ``torchrun`` started share each batch, and the first of them writes.

    Args:
        config: Everything about the run.
        folder: Holds the run: ``config.yaml``, ``steps.csv``, ``validation.csv``,
            ``checkpoints/``, ``weights.safetensors`` (the moving average, fp16, renewed with each
            checkpoint) and ``result.json``.
        device: ``auto``, ``cpu``, ``cuda`` and so on.
        resume: Go on from the newest checkpoint in ``folder``.
        report: Called every ``log_every`` steps.

    Raises:
        ConfigError: The folder holds a run and ``resume`` is off, or holds none and it is on, or
            a setting cannot be.
        InputError: A data folder cannot be read.
        WeightsError: ``init_from`` cannot be read.
    """

    def __init__(
        self,
        config: TrainConfig,
        folder: Path,
        *,
        device: str = "auto",
        resume: bool = False,
        report: Callable[[Status], None] | None = None,
    ) -> None:
        self.config = config
        self.folder = folder
        self.task = get_task(config.task)
        self.report = report
        self.device = own_device(choose_device(device))
        dtype = (
            torch.float64 if config.dtype == "float64" else choose_dtype(config.dtype, self.device)
        )
        check_suits(config, self.task)
        self.processes = Processes(self.device)
        self.processes.check_batch(config.data.batch_size)
        if self.processes.restarted and (folder / "config.yaml").exists():
            resume = True
        if self.processes.is_first:
            check_folder(folder, config, resume=resume)
        shape = shape_of(config, self.task)
        pictures = self._pictures(shape)
        self.cache = pictures.training
        going_on = resume and bool(checkpoints(folder / "checkpoints"))
        model, self.history = starting_model(config, self.task, shape, going_on=going_on)
        self.learner = Learner(
            config, self.task, model, device=self.device, dtype=dtype, processes=self.processes
        )
        part = Part(rank=self.processes.rank, of=self.processes.number)
        self.sampler = patch_sampler(config, self.task, shape, self.cache, self.device, part)
        self._validation = Validation(
            config.validation,
            self.task,
            pictures.validation,
            levels=[level for level in levels_of(config, self.task) if level.scale in shape.scales],
            device=self.device,
            dtype=dtype,
        )
        self._psnr: dict[str, float] = {}
        self.seconds = 0.0
        if resume:
            self._resume()

    @property
    def step(self) -> int:
        """Steps done."""
        return self.learner.step

    # Preparation

    def _pictures(self, shape: RNANConfig) -> Pictures:
        def load() -> Pictures:
            return training_pictures(self.config, self.task, shape, self.device, self.folder)

        if self.processes.number > 1 and self.config.data.memory != "device":
            # One writes the file, then all map it.
            pictures = self.processes.first_does(load)
            return pictures or load()
        return load()

    def _resume(self) -> None:
        facts = load_newest(
            self.folder / "checkpoints",
            model=self.learner.model,
            average=self.learner.average,
            optimizer=self.learner.optimizer,
        )
        if facts is None:
            return  # stopped before its first checkpoint: begin again
        if facts["data"] != self.cache.sha256:
            raise ConfigError("the pictures have changed since the run began; start it anew")
        self.learner.step, self.seconds = facts["step"], facts["seconds"]
        self.history = facts.get("history", self.history)
        self.learner.skipped.fill_(facts["skipped"])
        _log.info("resumed at step %d", self.step)

    # The loop

    def run(
        self, *, max_minutes: float | None = None, stop: threading.Event | None = None
    ) -> Result:
        """Train until the budget is spent.

        Raises:
            RnanError: Steps stay non-finite.
            ConfigError: Another process trains in the folder.
            ResourceError: The disk is full; the last good checkpoint is still there.
        """
        try:
            if not self.processes.is_first:
                return self._run(None, max_minutes, stop)
            with claim(self.folder):
                # Only now, so that a start that failed leaves the folder free.
                write_settings(self.folder, self.config)
                with RunLog(self.folder, after=self.step) as log:
                    return self._run(log, max_minutes, stop)
        finally:
            self.processes.close()

    def _run(
        self, log: RunLog | None, max_minutes: float | None, stop: threading.Event | None
    ) -> Result:
        config, learner = self.config, self.learner
        start, before = time.perf_counter(), self.seconds
        loss_sum = torch.zeros((), device=self.device)
        mark = (start, self.step)
        logged, skipped_before = self.step, int(learner.skipped)
        for batch in self.sampler.stream(self.step):
            elapsed = time.perf_counter() - start
            self.seconds = before + elapsed
            asked = (stop is not None and stop.is_set()) or (
                max_minutes is not None and elapsed >= 60.0 * max_minutes
            )
            spent, stopped = self.processes.largest(
                share_spent(config.budget, step=self.step, seconds=self.seconds), float(asked)
            )
            if spent >= 1.0 or stopped:
                break
            factor = rate(config.schedule, step=self.step, spent=spent)
            loss, norm = learner.learn(learner.pairs(batch), factor)
            loss_sum += loss
            if self.step % config.log_every == 0:
                self._check_finite()
                now = time.perf_counter()
                speed = (self.step - mark[1]) * config.data.batch_size / (now - mark[0])
                counted = self.step - logged - (int(learner.skipped) - skipped_before)
                mean_loss = float(loss_sum) / counted if counted > 0 else float("nan")
                logged, skipped_before = self.step, int(learner.skipped)
                loss_sum.zero_()
                mark = (now, self.step)
                self._log_steps(log, factor, mean_loss, float(norm), spent, speed)
            if config.validation.every and self.step % config.validation.every == 0:
                self._validate(log)
                mark = (time.perf_counter(), self.step)
            if self.step % config.checkpoint_every == 0:
                self._save()
        return self._finish(log, stopped=bool(stopped) and spent < 1.0)

    def _check_finite(self, most: int = _MOST_SKIPPED_IN_A_ROW) -> None:
        if float(self.learner.skipped_in_a_row) >= most:
            raise RnanError(
                f"{most} steps in a row were not finite; lower "
                f"optimizer.learning_rate or use dtype=float32"
            )

    def _log_steps(
        self,
        log: RunLog | None,
        factor: float,
        loss: float,
        norm: float,
        spent: float,
        speed: float,
    ) -> None:
        if log is None:
            return
        learning_rate = factor * self.config.optimizer.learning_rate
        log.steps(
            step=self.step,
            minutes=self.seconds / 60.0,
            patches=self.step * self.config.data.batch_size,
            learning_rate=learning_rate,
            loss=loss,
            grad_norm=norm,
            skipped=int(self.learner.skipped),
        )
        if self.report is not None:
            self.report(
                Status(
                    step=self.step,
                    spent=spent,
                    seconds=self.seconds,
                    loss=loss,
                    learning_rate=learning_rate,
                    patches_per_second=speed,
                    psnr=self._psnr,
                )
            )

    # Validation and results

    def averaged(self) -> Checkpoint:
        """The moving average of the weights; without one (``ema`` 0) the network itself."""
        return Checkpoint(
            config=self.learner.model.config, state=dict(self.learner.average), info=self._info()
        )

    def _info(self) -> dict[str, Any]:
        config = self.config
        stretch = {
            "recipe": to_mapping(config),
            "data_sha256": self.cache.sha256,
            "pictures": len(self.cache),
            "steps": self.step,
            "patches": self.step * config.data.batch_size,
            "hours": round(self.seconds / 3600.0, 3),
            "hardware": hardware_name(self.device),
            "processes": self.processes.number,
        }
        # Folders are the machine's own affair.
        data = stretch["recipe"]["data"]
        data["folders"] = [path.name for path in config.data.folders]
        data["lq_folders"] = [path.name for path in config.data.lq_folders]
        data["only"] = [path and path.name for path in config.data.only]
        data["prepared"] = config.data.prepared.name if config.data.prepared else None
        data["cache"] = None
        if config.init_from is not None:
            stretch["recipe"]["init_from"] = Path(config.init_from).name
        return {
            "task": self.task.name,
            "level_range": [self.sampler.levels.low, self.sampler.levels.high],
            "training": [*self.history, stretch],
        }

    def _validate(self, log: RunLog | None) -> None:
        if log is None:
            return
        scores = self._validation.crops(self.averaged())
        self._psnr = {score.level.name: score.psnr for score in scores}
        for score in scores:
            log.validation(
                step=self.step,
                minutes=self.seconds / 60.0,
                patches=self.step * self.config.data.batch_size,
                level=score.level.name,
                psnr=score.psnr,
            )

    def _save(self) -> None:
        if not self.processes.is_first:
            return
        average = self.averaged()
        if not all(bool(tensor.half().isfinite().all()) for tensor in average.state.values()):
            raise RnanError(
                "the weights are not finite any more; lower optimizer.learning_rate and go on "
                "from the last checkpoint"
            )
        save_state(
            self.folder / "checkpoints",
            model=self.learner.model,
            average=self.learner.average,
            optimizer=self.learner.optimizer,
            facts={
                "step": self.step,
                "seconds": self.seconds,
                "skipped": int(self.learner.skipped),
                "data": self.cache.sha256,
                "history": self.history,
            },
        )
        write_whole(self.folder / "weights.safetensors", to_bytes(average))

    def _finish(self, log: RunLog | None, *, stopped: bool) -> Result:
        self._check_finite(min(_MOST_SKIPPED_IN_A_ROW, max(1, self.step)))
        self._save()
        scores: list[Score] = []
        if log is not None and not stopped and self.config.validation.whole_at_end:
            scores = self._validation.whole(self.averaged())
            result = {
                "step": self.step,
                "minutes": self.seconds / 60.0,
                "validation_psnr": {score.level.name: score.psnr for score in scores},
                "validation_mean": sum(score.psnr for score in scores) / len(scores),
            }
            write_whole(self.folder / "result.json", json.dumps(result, indent=2).encode())
        return Result(
            finished=not stopped,
            weights=self.folder / "weights.safetensors",
            step=self.step,
            scores=scores,
        )
