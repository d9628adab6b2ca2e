"""The training loop."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rnan.errors import ConfigError, InputError, RnanError
from rnan.evaluation.datasets import picture_files, references, split
from rnan.evaluation.methods import Network
from rnan.evaluation.runner import Score, measure
from rnan.images import write_whole
from rnan.inference import Restorer
from rnan.inference.device import choose_device, choose_dtype, hardware_name
from rnan.inference.engines.torch import TorchEngine
from rnan.levels import Level
from rnan.models import RNAN, RNANConfig, preset
from rnan.models.checkpoints import Checkpoint, load_fitting, to_bytes
from rnan.models.initialise import near_identity
from rnan.settings import to_mapping
from rnan.tasks import get_task
from rnan.training.cache import PictureCache, build_cache
from rnan.training.config import TrainConfig
from rnan.training.folder import check_folder, write_settings
from rnan.training.log import RunLog
from rnan.training.sampler import Batch, Levels, PatchSampler
from rnan.training.schedule import rate, share_spent
from rnan.training.state import load_newest, save_state
from rnan.weights import registry

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
    """Of the whole validation pictures; empty when it was stopped."""


class Trainer:
    """One training run in one folder.

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
        self.device = choose_device(device)
        self.report = report
        check_folder(folder, config, resume=resume)
        self.dtype = (
            torch.float64 if config.dtype == "float64" else choose_dtype(config.dtype, self.device)
        )
        multiple = self.task.patch_multiple
        if config.data.patch_size % multiple:
            raise ConfigError(f"data.patch_size must be a multiple of {multiple} for {config.task}")
        shape = self._shape()
        self.scales = shape.scales
        training, validation = self._files()
        self.cache = self._cache(training)
        crops = references(
            validation[: config.validation.pictures],
            self.task,
            crop=config.validation.crop,
        )
        self._crops = list(crops)
        self._validation = validation
        self.history: list[dict[str, Any]] = []
        self.model = self._model(shape).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.dtype == torch.float64:
            self.model = self.model.double()
        self.average = {
            key: value.detach().clone() for key, value in self.model.state_dict().items()
        }
        self.optimizer = self._optimizer()
        self.sampler = self._sampler()
        self.step, self.seconds = 0, 0.0
        self.skipped = torch.zeros((), device=self.device)
        self._in_a_row = torch.zeros((), device=self.device)
        if resume:
            self._resume()
        # Only now, so that a start that failed leaves the folder free.
        write_settings(folder, config)
        self._log = RunLog(folder, after=self.step)
        self._psnr: dict[str, float] = {}

    # Preparation

    def _files(self) -> tuple[list[Path], list[Path]]:
        training: list[Path] = []
        validation: list[Path] = []
        for folder in self.config.data.folders:
            for part, files in zip(
                (training, validation), split(picture_files(folder)), strict=True
            ):
                part += files
        if not training:
            raise InputError(
                "the only picture is kept for validation (every twentieth is); add another"
            )
        return training, validation

    def _cache(self, files: list[Path]) -> PictureCache:
        data = self.config.data
        return build_cache(
            files,
            task=self.task,
            smallest_side=data.patch_size * max(self.scales),
            halved=data.halved,
            device=self.device,
            memory=data.memory,
            folder=data.cache or self.folder / "cache",
        )

    def _shape(self) -> RNANConfig:
        section = self.config.model
        needed: dict[str, Any] = {
            "channels_in": self.task.channels,
            "channels_out": self.task.channels,
        }
        if self.task.scales != (1,):
            needed["scales"] = self.task.scales
        return preset(section.preset, **{**needed, **section.fields})

    def _model(self, shape: RNANConfig) -> RNAN:
        section = self.config.model
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            model = RNAN(shape)
        if section.init == "near-identity":
            near_identity(model, branch_scale=section.branch_scale)
        if self.config.init_from is not None:
            start = registry.load(self.config.init_from)
            kept = {
                name: tensor
                for name, tensor in start.state.items()
                if not name.startswith(self.config.init_without)
            }
            for line in load_fitting(model, kept):
                _log.warning("init_from: %s", line)
            self.history = list(start.info.get("training", []))
        return model

    def _optimizer(self) -> torch.optim.Optimizer:
        section = self.config.optimizer
        kind = torch.optim.Adam if section.name == "adam" else torch.optim.AdamW
        named = list(self.model.named_parameters())
        groups = [
            {"params": [p for name, p in named if ".mask." not in name], "share": 1.0},
            {"params": [p for name, p in named if ".mask." in name], "share": section.mask_rate},
        ]
        return kind(
            [group for group in groups if group["params"]],
            lr=section.learning_rate,
            betas=(section.betas[0], section.betas[1]),
            eps=section.eps,
            weight_decay=section.weight_decay,
            fused=True,  # skips a step by itself when told that it is not finite
        )

    def _sampler(self) -> PatchSampler:
        rule = self.config.level
        low, high = self.task.level_range
        return PatchSampler(
            self.cache,
            patch_size=self.config.data.patch_size,
            batch_size=self.config.data.batch_size,
            levels=Levels(
                low=self.task.check_level(low if rule.low is None else rule.low),
                high=self.task.check_level(high if rule.high is None else rule.high),
                small_share=rule.small_share,
                small=rule.small,
                whole=self.task.kind == "quality",
            ),
            seed=self.config.seed,
            device=self.device,
            scales=self.scales,
            margin=self.task.margin,
            noise=self.task.noisy,
        )

    def _resume(self) -> None:
        facts = load_newest(
            self.folder / "checkpoints",
            model=self.model,
            average=self.average,
            optimizer=self.optimizer,
        )
        if facts is None:
            return  # stopped before its first checkpoint: begin again
        if facts["data"] != self.cache.sha256:
            raise ConfigError("the pictures have changed since the run began; start it anew")
        self.step, self.seconds = facts["step"], facts["seconds"]
        self.skipped.fill_(facts["skipped"])
        _log.info("resumed at step %d", self.step)

    # The loop

    def run(
        self, *, max_minutes: float | None = None, stop: threading.Event | None = None
    ) -> Result:
        """Train until the budget is spent.

        Args:
            max_minutes: Stop after that time with a checkpoint, whatever is left of the budget.
            stop: Stop with a checkpoint as soon as it is set.

        Raises:
            RnanError: Steps stay non-finite.
            ResourceError: The disk is full; the last good checkpoint is still there.
        """
        config = self.config
        network: nn.Module = torch.compile(self.model) if config.compile else self.model  # type: ignore[assignment]
        parameters = list(self.model.parameters())
        start, before = time.perf_counter(), self.seconds
        loss_sum = torch.zeros((), device=self.device)
        norm = torch.zeros((), device=self.device)
        mark = (start, self.step)
        stopped = False
        skipped_before = int(self.skipped)
        for batch in self.sampler.stream(self.step):
            self.seconds = before + time.perf_counter() - start
            spent = share_spent(config.budget, step=self.step, seconds=self.seconds)
            stopped = (stop is not None and stop.is_set()) or (
                max_minutes is not None and time.perf_counter() - start >= 60.0 * max_minutes
            )
            if spent >= 1.0 or stopped:
                break
            learning_rate = config.optimizer.learning_rate * rate(
                config.schedule, step=self.step, spent=spent
            )
            loss, norm = self._step(network, parameters, batch, learning_rate)
            loss_sum += loss
            self.step += 1
            if self.step % config.log_every == 0:
                self._check_finite()
                now = time.perf_counter()
                speed = (self.step - mark[1]) * config.data.batch_size / (now - mark[0])
                counted = config.log_every - (int(self.skipped) - skipped_before)
                mean_loss = float(loss_sum) / counted if counted > 0 else float("nan")
                skipped_before = int(self.skipped)
                loss_sum.zero_()
                mark = (now, self.step)
                self._log_steps(learning_rate, mean_loss, float(norm), spent, speed)
            if config.validation.every and self.step % config.validation.every == 0:
                self._validate()
                mark = (time.perf_counter(), self.step)
            if self.step % config.checkpoint_every == 0:
                self._save()
        return self._finish(stopped=stopped and spent < 1.0)

    def _step(
        self, network: nn.Module, parameters: list[nn.Parameter], batch: Batch, rate_now: float
    ) -> tuple[Tensor, Tensor]:
        config, task = self.config, self.task
        gt = batch.gt.to(self._work_dtype)
        lq = task.degrade_batch(
            gt, batch.levels.to(gt.dtype), batch.draws.to(gt.dtype), batch.scale
        )
        lq, gt = _inside(lq, task.margin), _inside(gt, task.margin * batch.scale)
        level = batch.levels / task.level_scale if self.model.config.level_channel else None
        white = self.model.config.value_range
        with self._autocast():
            restored = network(lq * white if white != 1.0 else lq, level, batch.scale)
        error = restored.to(self._work_dtype) / white - gt
        loss = error.abs().mean() if config.loss == "l1" else error.square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        clip = config.optimizer.clip
        norm = nn.utils.clip_grad_norm_(parameters, clip if clip is not None else float("inf"))
        bad = (~(norm.isfinite() & loss.detach().isfinite())).float()
        self.optimizer.found_inf = bad  # type: ignore[attr-defined]
        for group in self.optimizer.param_groups:
            group["lr"] = rate_now * group["share"]
        self.optimizer.step()
        self.skipped += bad
        self._in_a_row = (self._in_a_row + 1) * bad
        self._average()
        return torch.where(bad > 0, torch.zeros_like(loss), loss).detach(), norm.detach()

    @property
    def _work_dtype(self) -> torch.dtype:
        return torch.float64 if self.dtype == torch.float64 else torch.float32

    def _autocast(self) -> contextlib.AbstractContextManager[None]:
        if self.dtype in (torch.float32, torch.float64):
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    @torch.no_grad()
    def _average(self) -> None:
        # A short memory at first, so that the start is soon forgotten.
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(
            list(self.average.values()), list(self.model.state_dict().values()), 1.0 - decay
        )

    def _check_finite(self, most: int = _MOST_SKIPPED_IN_A_ROW) -> None:
        if float(self._in_a_row) >= most:
            raise RnanError(
                f"the last {int(self._in_a_row)} steps were not finite; lower "
                f"optimizer.learning_rate or use dtype=float32"
            )

    def _log_steps(
        self, learning_rate: float, loss: float, norm: float, spent: float, speed: float
    ) -> None:
        self._log.steps(
            step=self.step,
            minutes=self.seconds / 60.0,
            patches=self.step * self.config.data.batch_size,
            learning_rate=learning_rate,
            loss=loss,
            grad_norm=norm,
            skipped=int(self.skipped),
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

    def _averaged(self) -> Checkpoint:
        # Without a moving average (ema 0) this is the network itself.
        return Checkpoint(config=self.model.config, state=dict(self.average), info=self._info())

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
        }
        # Folders are the machine's own affair.
        stretch["recipe"]["data"]["folders"] = [path.name for path in config.data.folders]
        stretch["recipe"]["data"]["cache"] = None
        if config.init_from is not None:
            stretch["recipe"]["init_from"] = Path(config.init_from).name
        return {
            "task": self.task.name,
            "level_range": list(self.task.level_range),
            "training": [*self.history, stretch],
        }

    def _restorer(self) -> Restorer:
        dtype = torch.float32 if self.dtype == torch.float64 else self.dtype
        engine = TorchEngine(self._averaged().build(), device=self.device, dtype=dtype)
        return Restorer(self.task, engine)

    def _levels(self) -> list[Level]:
        levels = [self.task.level(text) for text in self.task.table_levels]
        return [level for level in levels if level.scale in self.scales]

    def _validate(self) -> None:
        scores = measure(
            self.task, self._crops, self._levels(), Network(self._restorer()), with_ssim=False
        )
        self._psnr = {score.level.name: score.psnr for score in scores}
        self._log_scores(scores)

    def _log_scores(self, scores: list[Score]) -> None:
        for score in scores:
            self._log.validation(
                step=self.step,
                minutes=self.seconds / 60.0,
                patches=self.step * self.config.data.batch_size,
                level=score.level.name,
                psnr=score.psnr,
            )

    def _save(self) -> None:
        save_state(
            self.folder / "checkpoints",
            model=self.model,
            average=self.average,
            optimizer=self.optimizer,
            facts={
                "step": self.step,
                "seconds": self.seconds,
                "skipped": int(self.skipped),
                "data": self.cache.sha256,
            },
        )
        write_whole(self.folder / "weights.safetensors", to_bytes(self._averaged()))

    def _finish(self, *, stopped: bool) -> Result:
        self._check_finite(min(_MOST_SKIPPED_IN_A_ROW, max(1, self.step)))
        self._save()
        scores: list[Score] = []
        if not stopped and self.config.validation.whole_at_end:
            pictures = references(self._validation, self.task)
            scores = measure(
                self.task, pictures, self._levels(), Network(self._restorer()), with_ssim=False
            )
            result = {
                "step": self.step,
                "minutes": self.seconds / 60.0,
                "validation_psnr": {score.level.name: score.psnr for score in scores},
                "validation_mean": sum(score.psnr for score in scores) / len(scores),
            }
            write_whole(self.folder / "result.json", json.dumps(result, indent=2).encode())
        self._log.close()
        return Result(
            finished=not stopped,
            weights=self.folder / "weights.safetensors",
            step=self.step,
            scores=scores,
        )


def _inside(x: Tensor, margin: int) -> Tensor:
    return x[..., margin:-margin, margin:-margin] if margin else x
