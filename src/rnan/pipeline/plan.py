"""Which output belongs to which input."""

import glob
import logging
import os
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnan.errors import ConfigError, InputError, OptionRef
from rnan.images import EXTENSIONS
from rnan.images.endings import RAW_EXTENSIONS
from rnan.images.formats.registry import WRITTEN
from rnan.options.raw import RAW_RESTORATIONS
from rnan.pipeline.search import Found, pictures_of

_log = logging.getLogger(__name__)

STREAM = Path("-")
"""Standard input, or standard output."""

_BESIDE_RAW = (".jpg", ".jpeg", ".heic", ".hif")
"""Endings of what cameras write beside their raws."""
_WITHOUT_WRITER, _OF_RAW = ".png", ".tif"
"""Endings of the results of formats that are only read, and of camera raw."""


@dataclass(frozen=True)
class Plan:
    """One picture to restore, and what is to be written for it."""

    source: Path
    target: Path
    comparison: Path | None = None
    """Where the before/after picture goes, if one is wanted."""
    problem: str = ""
    """What keeps the source from being read, as far as that is known already."""
    overwrite: bool = False
    """Replace outputs that exist."""
    keep_times: bool = False
    """The result gets its input's time of change."""

    @property
    def outputs(self) -> list[Path]:
        """Every file that is written."""
        return [self.target] if self.comparison is None else [self.target, self.comparison]


def plan_files(
    inputs: Sequence[Path],
    output: Path,
    *,
    recursive: bool = False,
    compare: bool = False,
    ending: str | None = None,
    name: str = "{stem}{ext}",
    extensions: Sequence[str] = EXTENSIONS,
    both: bool = False,
) -> list[Plan]:
    """Pair each input with its output.

    One file goes to ``output`` itself, unless that is a folder; everything else goes into the
    folder ``output``, pictures of input folders under their own relative names. JPEGs that a camera
    wrote beside its raws are left out of folders, unless ``both`` are wanted.

    Raises:
        InputError: An input does not exist, a folder holds no pictures, or an output would be an
            input.
        ConfigError: Several inputs and an output that is a file, or two inputs that would be
            written to one output.
    """
    inputs = [path for entry in inputs for path in _expanded(entry, output)]
    single = len(inputs) == 1 and not inputs[0].is_dir()
    looks_like_file = output.suffix.lower() in WRITTEN and not output.is_dir()
    if STREAM in (*inputs, output):
        if not single or compare:
            raise ConfigError("- stands for one picture, alone and without ", OptionRef("compare"))
        if output != STREAM and not looks_like_file:
            raise ConfigError("what comes from standard input needs a file to go to")
        return [Plan(inputs[0], output)]
    if single and looks_like_file:
        pairs = [(Found(path=inputs[0], relative=Path(inputs[0].name)), output)]
    elif single and output.is_file():
        raise ConfigError(
            f"{output} is a file; name a folder, or one that ends in {', '.join(sorted(WRITTEN))}"
        )
    elif looks_like_file or output.is_file():
        raise ConfigError(f"{output} is a file; several pictures need a folder to go to")
    elif single and output.suffix and not output.is_dir():
        raise InputError(
            f"cannot write {output.name}: the ending must be one of {', '.join(sorted(WRITTEN))}"
        )
    else:
        pictures = [
            one
            for entry in inputs
            for one in pictures_of(
                entry, recursive=recursive, leave_out=output, extensions=extensions
            )
        ]
        if RAW_EXTENSIONS[0] in extensions and not both:
            pictures = _without_jpegs_of_raws(pictures)
        targets = [output / renamed(one.relative, name, ending) for one in pictures]
        targets = apart([one.path for one in pictures], targets)
        pairs = list(zip(pictures, targets, strict=True))
    stems = Counter(target.with_suffix("") for _, target in pairs)
    taken = {target for _, target in pairs}
    plans = [
        Plan(
            one.path,
            target,
            free(_comparison(target, stems), taken) if compare else None,
            one.problem,
        )
        for one, target in pairs
    ]
    _check_collisions(plans)
    return plans


def extensions_for(restoration: str) -> tuple[str, ...]:
    """Endings that folders are searched for."""
    return (*EXTENSIONS, *(RAW_EXTENSIONS if takes_raw(restoration) else ()))


def takes_raw(restoration: str) -> bool:
    """Whether camera raw is taken."""
    return restoration in RAW_RESTORATIONS


def pictures_in(inputs: Sequence[Path], *, recursive: bool = False) -> list[Path]:
    """Files, and the pictures of folders and patterns.

    Raises:
        InputError: One does not exist, or a folder holds no pictures.
    """
    if STREAM in inputs:
        raise InputError("- is standard input and stands alone")
    entries = [path for entry in inputs for path in _expanded(entry, None)]
    extensions = extensions_for("auto")
    return [
        one.path
        for entry in entries
        for one in pictures_of(entry, recursive=recursive, extensions=extensions)
    ]


def _without_jpegs_of_raws(pictures: list[Found]) -> list[Found]:
    """Without the JPEGs that a camera wrote beside its raws."""
    raws = {_stem(one) for one in pictures if one.path.suffix.lower() in RAW_EXTENSIONS}
    kept = [
        one
        for one in pictures
        if one.path.suffix.lower() not in _BESIDE_RAW or _stem(one) not in raws
    ]
    if len(kept) < len(pictures):
        number = len(pictures) - len(kept)
        words = "left out, since their raws are there (%s takes both): JPEGs of a camera: %d"
        _log.warning(words, OptionRef("both").as_flag(), number)
    return kept


def _stem(one: Found) -> str:
    return str(one.path.with_suffix("")).lower()


def apart(sources: Sequence[Path], targets: Sequence[Path]) -> list[Path]:
    """The targets; those that pictures of one folder would share get their endings in the name.

    Where that does not suffice they are numbered. Pictures of several names or folders keep theirs.
    """
    sharing: dict[Path, set[Path]] = {}
    for source, target in zip(sources, targets, strict=True):
        sharing.setdefault(target, set()).add(source)
    taken = {target for target, those in sharing.items() if len(those) == 1}
    named_apart = []
    for source, target in zip(sources, targets, strict=True):
        those = sharing[target]
        if len(those) == 1 or len({path.with_suffix("") for path in those}) > 1:
            named_apart.append(target)
            continue
        named = target.with_stem(f"{target.stem}-{source.suffix[1:].lower()}")
        named_apart.append(free(named, taken))
        taken.add(named_apart[-1])
    return named_apart


def free(path: Path, taken: Container[Path]) -> Path:
    """The path, with a number where it is taken."""
    number, numbered = 1, path
    while numbered in taken:
        number += 1
        numbered = path.with_stem(f"{path.stem}-{number}")
    return numbered


def _expanded(entry: Path, leave_out: Path | None) -> list[Path]:
    text = str(entry)
    if not glob.has_magic(text) or entry.exists():
        return [entry]
    matches = sorted(Path(path) for path in glob.iglob(text, recursive=True))  # noqa: PTH207 - absolute patterns
    if leave_out is not None:
        results = f"{os.path.realpath(leave_out)}/"
        matches = [path for path in matches if not os.path.realpath(path).startswith(results)]
    files = [path for path in matches if path.is_file()] or matches
    if not files:
        raise InputError(f"nothing matches {text}")
    return files


def renamed(relative: Path, name: str, ending: str | None) -> Path:
    """The output's name in a folder."""
    ext = ending or relative.suffix
    if ending is None and ext.lower() in RAW_EXTENSIONS:
        ext = _OF_RAW
    elif ext.lower() not in WRITTEN:
        ext = _WITHOUT_WRITER
    try:
        called = name.format(stem=relative.stem, ext=ext)
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        raise ConfigError(
            OptionRef("name"), f" knows {{stem}} and {{ext}} only, got {name}", value=name
        ) from None
    if called != Path(called).name:
        raise ConfigError(OptionRef("name"), f" makes names, not folders, got {name}", value=name)
    return relative.with_name(called)


def _comparison(target: Path, stems: Counter[Path]) -> Path:
    # a.jpg and a.png side by side would share a name without their endings.
    shared = stems[target.with_suffix("")] > 1
    return target.with_name(f"{target.name if shared else target.stem}-compare.png")


def _check_collisions(plans: list[Plan]) -> None:
    sources = {os.path.realpath(plan.source) for plan in plans}
    taken: dict[str, Path] = {}
    for plan in plans:
        for path in plan.outputs:
            place = os.path.realpath(path)
            if place in sources:
                raise InputError(
                    f"{path} is an input and would be overwritten by a result; name another folder"
                )
            if place in taken:
                raise ConfigError(
                    f"{plan.source} and {taken[place]} would both be written to {path}"
                )
            taken[place] = plan.source
