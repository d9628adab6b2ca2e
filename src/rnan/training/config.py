"""The settings of a training run, checked at birth; :mod:`rnan.training.recipe` reads them."""

from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Literal

from rnan.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ModelSection:
    """The network."""

    preset: str = "compact"
    """A preset of ``rnan models list``."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Fields of the network's configuration that differ from the preset."""
    init: Literal["near-identity", "default"] = "near-identity"
    """Start near the identity (last convolution zero, residual branches small), or as PyTorch
    initialises convolutions."""
    branch_scale: float = 0.1
    """Near the identity: scale of the second convolution of each residual block."""


@dataclass(frozen=True, kw_only=True)
class DataSection:
    """The pictures."""

    folders: tuple[Path, ...] = ()
    """Folders of clean pictures; of each the 1st, 21st, 41st … by name is left for validation."""
    only: tuple[Path | None, ...] = ()
    """For each of ``folders`` a text file with the names (without ending) of the pictures to train
    on, or none for all."""
    lq_folders: tuple[Path, ...] = ()
    """Folders of degraded pictures of the same names, one for each of ``folders``; then nothing is
    degraded, and ``level.at`` says which level the network is given."""
    prepared: Path | None = None
    """What ``rnan data prepare`` made, instead of ``folders``."""
    halved: bool = False
    """Every picture once more at half its size: finer detail, and sharper colour than a JPEG's."""
    vivid_share: float = 0.0
    """Share of the patches whose colours are made stronger, up to three times, with their channels
    in any order; for tasks in colour whose LQ pictures are made here."""
    grating_share: float = 0.0
    """Share of the patches that are gray stripes, up to the finest that pixels can hold; for tasks
    whose LQ pictures are made here."""
    jpeg_share: float = 0.0
    """Share of the patches that are saved as a JPEG with their noise, as cameras do it; the network
    is given the noise before it. For denoising."""
    camera: bool = False
    """A synthetic camera takes the patches (``rnan.degradations.batched.camera``), instead of white
    noise being added; levels are not drawn then. For denoise-camera."""
    sensor: bool = False
    """An image sensor measures the patches (``rnan.degradations.batched.sensor``), with its own
    noise, colours and exposure; levels are not drawn then. For demosaicing."""
    patch_size: int = 96
    """Side of the training crop, in LQ pixels."""
    batch_size: int = 16
    """Patches a step, over all processes."""
    memory: Literal["auto", "device", "disk"] = "auto"
    """Where decoded pictures stay: on the training device, or in a memory-mapped file in
    ``cache``; auto takes the device when they fit."""
    cache: Path | None = None
    """Folder of the memory-mapped file; by default ``cache`` in the run's folder."""

    def __post_init__(self) -> None:
        number, paired = len(self.folders), bool(self.lq_folders)
        _require(
            bool(number) != (self.prepared is not None),
            "data needs either folders or prepared" if number else "data.folders names no folder",
        )
        _require(len({*self.folders}) == number, "data.folders names a folder twice")
        _require(len(self.only) in (0, number), "data.only needs an entry for each of data.folders")
        _require(
            len(self.lq_folders) in (0, number),
            "data.lq_folders must name a folder for each of data.folders",
        )
        for name in ("vivid_share", "grating_share", "jpeg_share"):
            share = getattr(self, name)
            _require(0.0 <= share <= 1.0, f"data.{name} must be a share, 0 to 1")
            _require(not (share and paired), f"data.{name} does not go with LQ pictures")
        if self.camera:
            apart = not (paired or self.jpeg_share)
            _require(apart, "data.camera goes neither with LQ pictures nor with data.jpeg_share")
            whole = self.patch_size % 16 == 0
            _require(whole, "data.patch_size must be a multiple of 16 with data.camera")
        if self.sensor:
            _require(not paired, "data.sensor does not go with LQ pictures")
        _require(self.patch_size >= 2, "data.patch_size must be at least 2")
        _require(self.patch_size % 2 == 0, "data.patch_size must be even")
        _require(self.batch_size >= 1, "data.batch_size must be at least 1")


@dataclass(frozen=True, kw_only=True)
class LevelSection:
    """How the level is drawn, for each patch."""

    at: str | float | None = None
    """One level, as the tables spell it (``50``, ``grbg-5``, ``x2``): nothing is drawn, and only
    that one is validated."""
    low: float | None = None
    """Lowest level; by default that of the task."""
    high: float | None = None
    """Highest level; by default that of the task."""
    small_share: float = 0.0
    """Share of the patches whose level is drawn between ``low`` and ``small`` instead; none where
    ``at`` says the level."""
    small: float = 2.0
    """Highest level of those patches."""

    def __post_init__(self) -> None:
        low, high = self.low, self.high
        _require(
            self.at is None or (low is None and high is None),
            "level.at leaves no room for level.low and level.high",
        )
        _require(low is None or high is None or low <= high, "level.low must not exceed level.high")
        _require(0.0 <= self.small_share <= 1.0, "level.small_share must be a share, 0 to 1")
        _require(
            low is None or self.small >= low or not self.small_share,
            "level.small lies below level.low; set level.small_share=0 as well",
        )


@dataclass(frozen=True, kw_only=True)
class OptimizerSection:
    """The optimiser."""

    name: Literal["adam", "adamw", "muon"] = "adamw"
    """muon: for the convolutions of the body, with AdamW for the rest."""
    learning_rate: float = 1e-3
    mask_rate: float = 0.1
    """Learning rate of the mask branches, as a share: at the full rate their sigmoids saturate
    within fifty steps and never learn again (``docs/decisions.md``)."""
    betas: tuple[float, ...] = (0.9, 0.99)
    eps: float = 1e-8
    weight_decay: float = 0.0
    clip: float | None = 0.5
    """Largest norm of the gradient; none: no clipping."""

    def __post_init__(self) -> None:
        _require(0 < self.learning_rate < inf, "optimizer.learning_rate must be positive")
        _require(self.mask_rate >= 0, "optimizer.mask_rate must not be negative")
        _require(len(self.betas) == 2, "optimizer.betas needs two numbers")
        _require(all(0.0 <= beta < 1.0 for beta in self.betas), "optimizer.betas must be 0 to 1")
        _require(self.eps > 0, "optimizer.eps must be positive")
        _require(self.weight_decay >= 0, "optimizer.weight_decay must not be negative")
        _require(self.clip is None or self.clip > 0, "optimizer.clip must be positive")


@dataclass(frozen=True, kw_only=True)
class ScheduleSection:
    """The learning rate over the budget."""

    kind: Literal["constant", "cosine", "step"] = "constant"
    """constant: with a decay to zero over the last ``decay_share``; cosine: to zero over the
    whole budget; step: halved ``halvings`` times over it, at equal distances."""
    warmup: int = 200
    """Steps of linear increase at the start."""
    decay_share: float = 0.1
    """constant: share of the budget over which the rate falls to zero at the end."""
    halvings: float = 6.5
    """step: how often; the paper's 2·10⁵ steps of 1.3·10⁶ are 6.5."""

    def __post_init__(self) -> None:
        _require(self.warmup >= 0, "schedule.warmup must not be negative")
        _require(0.0 <= self.decay_share <= 1.0, "schedule.decay_share must be 0 to 1")
        _require(self.halvings >= 0, "schedule.halvings must not be negative")


@dataclass(frozen=True, kw_only=True)
class BudgetSection:
    """How long to train: exactly one of the two."""

    steps: int | None = None
    minutes: float | None = None
    """Time of training itself; validation and checkpoints count as well."""

    def __post_init__(self) -> None:
        given = [value for value in (self.steps, self.minutes) if value is not None]
        _require(len(given) == 1, "budget needs either steps or minutes")
        _require(given[0] > 0, "budget must be positive")


@dataclass(frozen=True, kw_only=True)
class ValidationSection:
    """Validation on the pictures left out."""

    every: int = 250
    """Steps between validations on crops; 0 for none."""
    crop: int = 128
    """Side of the crops from the middle of each picture."""
    pictures: int = 20
    """How many of the pictures."""
    whole_at_end: bool = True
    """Measure the whole pictures at the end, all levels of the task's table."""

    def __post_init__(self) -> None:
        _require(self.every >= 0, "validation.every must not be negative")
        _require(self.crop >= 16, "validation.crop must be at least 16")
        _require(self.pictures >= 1, "validation.pictures must be at least 1")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything about a run; the file written beside its results holds every field."""

    task: str
    """A task of ``rnan.tasks``."""
    seed: int = 0
    """Seed of the initial weights and of the stream of patches."""
    init_from: str | None = None
    """Weights to start from: a file, or the name of bundled ones. Where shapes differ, what fits
    is taken."""
    init_without: tuple[str, ...] = ()
    """Parts that start anew all the same, by the start of their names: ``body.0.mask``."""
    loss: Literal["l1", "l2", "psnr"] = "l1"
    """On values 0-1; the paper's ``l2`` is on values 0-255, where Adam makes no difference.
    psnr: the logarithm of each patch's mean square, so that every level counts alike."""
    ema: float = 0.999
    """Decay of the moving average of the weights, whose result is kept; 0 for none."""
    dtype: Literal["auto", "float32", "bfloat16", "float64"] = "auto"
    """Type of the convolutions; auto takes bfloat16 where the hardware has it."""
    compile: bool = False
    """Use ``torch.compile`` for the blocks of the body."""
    checkpoint_every: int = 500
    """Steps between checkpoints; the last two are kept."""
    log_every: int = 50
    """Steps between lines of the log."""
    model: ModelSection = field(default_factory=ModelSection)
    data: DataSection = field(default_factory=DataSection)
    level: LevelSection = field(default_factory=LevelSection)
    optimizer: OptimizerSection = field(default_factory=OptimizerSection)
    schedule: ScheduleSection = field(default_factory=ScheduleSection)
    budget: BudgetSection = field(default_factory=BudgetSection)
    validation: ValidationSection = field(default_factory=ValidationSection)

    def __post_init__(self) -> None:
        _require(0.0 <= self.ema < 1.0, "ema must be at least 0 and below 1")
        _require(self.log_every >= 1, "log_every must be at least 1")
        _require(self.checkpoint_every >= 1, "checkpoint_every must be at least 1")
        _require(
            self.init_from is not None or not self.init_without, "init_without is of init_from"
        )
        _require(0 <= self.seed < 2**63, "seed must lie between 0 and 2**63 - 1")


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ConfigError(message)
