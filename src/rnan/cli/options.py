"""From described options to the command line, and the options that several commands share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rnan.options.option import Option, options_of
from rnan.options.request import Request, make_request, request_options
from rnan.options.restoring import RestoreOptions

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:  # click before 8.4 has no generic one
    _ParamType = click.ParamType

Decorated = Callable[..., Any]
T = TypeVar("T")

_TITLES = {
    "main": "Options",
    "raw": "Camera raw",
    "files": "Files",
    "output": "Output",
    "limits": "Limits",
    "engine": "Engine",
    "other": "Other",
}
"""Sections of the help, in order."""


class GroupedCommand(click.Command):
    """A command whose help has sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, what most people use first."""
        sections: dict[str, list[tuple[str, str]]] = {title: [] for title in _TITLES}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                sections[getattr(parameter, "group", "other")].append(record)
        for name, records in sections.items():
            if records:
                with formatter.section(_TITLES[name]):
                    formatter.write_dl(records)


class _Value(_ParamType):
    """A value as its option reads it."""

    def __init__(self, described: Option) -> None:
        self._described = described
        words = [str(choice) for choice in described.choices]
        names = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}
        kind = names[described.kind]
        if described.parse is not None:
            kind = "A,B" if described.kind is str else "SIZE"
        self.name = (
            "|".join(words)
            if words and described.kind is str and not described.parse
            else "|".join((kind, *words))
        )

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What stands behind the option in the help."""
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it."""
        return self._described.read(value)


class _Described(click.Option):
    """An option with its place in the help."""

    def __init__(self, names: Sequence[str], *, group: str, **settings: Any) -> None:
        super().__init__(names, **settings)
        self.group = group


def _default_in_words(default: Any) -> str:
    return f"{default:g}" if isinstance(default, float) else str(default)


def click_option(
    described: Option, *flags: str, required: bool = False, with_default: bool = False
) -> Callable[[Decorated], Decorated]:
    """A described option for the command line.

    Args:
        described: The option.
        flags: Other spellings.
        required: Whether it must be given.
        with_default: Pass its default where it is not given, instead of ``None``.
    """
    flag = described.ref.as_flag()
    settings: dict[str, Any] = {"cls": _Described, "group": described.group}
    if described.kind is bool:
        settings |= {"is_flag": True, "default": None, "help": described.help}
    else:
        default = described.default_text
        if not default and described.default not in (None, ()) and not required:
            default = _default_in_words(described.default)
        shown = f"  [default: {default}]" if default else ""
        settings |= {"type": _Value(described), "help": described.help + shown}
        settings["multiple"] = described.multiple
    if with_default:
        settings["default"] = described.default
    return click.option(*flags, flag, described.name, required=required, **settings)


def with_options(options: Iterable[Option]) -> Callable[[Decorated], Decorated]:
    """Several options; in the help they stand in their order."""

    def decorate(function: Decorated) -> Decorated:
        for described in reversed(list(options)):
            function = click_option(described)(function)
        return function

    return decorate


def chosen(cls: type[T], values: Mapping[str, Any]) -> T:
    """An instance of a dataclass with options, from what the command line gave."""
    given = {name: values[name] for name in options_of(cls) if values.get(name) not in (None, ())}
    return cls(**given)


def without(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the command line gave beside the options of a dataclass."""
    return {name: value for name, value in values.items() if name not in options_of(cls)}


def make_request_of(restoration: str, values: Mapping[str, Any]) -> Request:
    """The request in what the command line gave; options of the command itself are passed over."""
    own = request_options()
    given = {name: value for name, value in values.items() if name in own}
    return make_request(restoration, given)


def verbosity(function: Decorated) -> Decorated:
    """``-v`` and ``-q``; ``rnan.cli.main`` reads them before anything runs."""
    function = click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        help="Say what runs; -vv with tracebacks.",
    )(function)
    return click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, help="Say only what went wrong."
    )(function)


class _NonEmptyPath(click.Path):
    """A path; an empty one, as an unset shell variable gives, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


PATH = _NonEmptyPath(path_type=Path)

THREADS_OPTION = Option(
    name="threads",
    kind=int,
    default=None,
    help="Threads of the processor to use.",
    low=1,
    high=256,
    group="engine",
    default_text="all cores",
)

_RESTORING = options_of(RestoreOptions)

ENGINE = click_option(_RESTORING["engine"])
ATTENTION = click_option(_RESTORING["attention"], with_default=True)
THREADS = click_option(THREADS_OPTION)


def computing(function: Decorated) -> Decorated:
    """``--device``, ``--dtype`` and ``--threads``."""
    function = THREADS(function)
    for name in ("dtype", "device"):
        function = click_option(_RESTORING[name], with_default=True)(function)
    return function


def set_threads(threads: int | None, *, share: int = 1) -> None:
    """Limit the threads of the numerical library, where asked."""
    from rnan.runtimes import threads as limits

    if threads is not None or share > 1:
        limits.limit_threads((threads or limits.threads()) // share)
