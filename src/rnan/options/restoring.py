"""How pictures are restored, whatever the task."""

from dataclasses import dataclass
from typing import Literal

from rnan.options.option import check, option
from rnan.options.raw import RAW_RESTORATIONS
from rnan.options.sizes import parse_size

DType = Literal["auto", "float32", "bfloat16", "float16"]

Attention = Literal["auto", "window", "whole", "released"]
"""How far the non-local blocks see: their windows, the whole picture, or the quarters into which
the authors' program cuts every picture."""


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """How a picture is restored; the task and its weights are chosen elsewhere.

    Raises:
        ConfigError: A value is out of range.
    """

    strength: float = option(
        1.0,
        "0 keeps the input, 1 takes the restored picture, between them a blend.",
        low=0.0,
        high=1.0,
    )
    luma: float | None = option(
        None,
        "The same for brightness alone: less leaves grain.",
        low=0.0,
        high=1.0,
        only=RAW_RESTORATIONS,
        default_text="as strength",
    )
    chroma: float | None = option(
        None,
        "The same for colour alone: less leaves specks of colour.",
        low=0.0,
        high=1.0,
        only=RAW_RESTORATIONS,
        default_text="as strength",
    )
    noise_scale: float = option(
        1.0,
        "How many times the variance of the noise that was found is reckoned with: less keeps more "
        "grain, more smooths more.",
        low=0.0,
        high=16.0,
        only=RAW_RESTORATIONS,
    )
    self_ensemble: bool = option(
        False,
        'Mean over eight turns and flips (the paper\'s "+"): eight times slower.',
        group="engine",
    )
    attention: Attention = option(
        "auto",
        "How far non-local blocks see: in windows, as our networks are trained; over the whole "
        "picture, at a cost that grows with the square of its pixels; or in the quarters of the "
        "authors' program, for their checkpoints. auto takes that for these, and windows for all "
        "others.",
        group="engine",
    )
    keep_samples: bool = option(
        False,
        "Leave what the sensor measured as it is; only the other two colours are restored.",
        only=("demosaic",),
    )
    engine: str | None = option(
        None,
        "What runs the network; auto takes the fastest that is installed, also one that has to "
        "prepare the network first. All but PyTorch attend in windows.",
        group="engine",
        machine=True,
        choices=("auto", "mnn", "torch", "onnx", "openvino"),
        open_choices=True,
        default_text="mnn; torch on a GPU, or in bfloat16; onnx for an .onnx file",
    )
    device: str = option(
        "auto",
        "auto, cpu, cuda, cuda:1 or mps; auto takes a GPU where there is one.",
        group="engine",
        machine=True,
    )
    dtype: DType = option(
        "auto",
        "Type of the convolutions; auto takes bfloat16 where the processor has it. float32 is "
        "exact in PyTorch; MNN's is off by 5e-4 of white at most.",
        group="engine",
        machine=True,
    )
    tile: int | None = option(
        None,
        "Side of the tiles in pixels, at least 32.",
        low=32,
        group="engine",
        machine=True,
        default_text="what the memory holds",
    )
    overlap: int = option(
        96, "Pixels that neighbouring tiles share.", low=0, group="engine", machine=True
    )
    max_memory: int | None = option(
        None,
        "Memory that the network's features may take, for example 512M; chooses the tile.",
        low=2**26,
        group="engine",
        machine=True,
        parse=parse_size,
        default_text="1 GiB, or half of what is free",
    )
    compile: bool = option(
        False,
        "Compile the network first (torch.compile); pays for many pictures on a GPU.",
        group="engine",
        machine=True,
    )

    def __post_init__(self) -> None:
        check(self)

    @property
    def shares(self) -> tuple[float, float]:
        """How much of the restored brightness, and of the restored colour, is taken."""
        return (
            self.strength if self.luma is None else self.luma,
            self.strength if self.chroma is None else self.chroma,
        )
