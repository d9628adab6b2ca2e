"""``rnan``: finds the command, turns errors into one line and an exit code.

Nothing here imports torch or numpy, so that ``rnan --help`` answers at once.
"""

import atexit
import contextlib
import importlib
import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from rnan import __version__
from rnan.errors import MissingExtraError, OptionRef, RnanError, is_full
from rnan.options.mapping import nearest

COMMANDS = {
    "auto": "Find out what pictures need, and do it.",
    "inspect": "Say what pictures are and which command would help.",
    "denoise": "Remove noise from pictures.",
    "dejpeg": "Remove the traces of JPEG compression.",
    "demosaic": "Make colour pictures from Bayer mosaics.",
    "upscale": "Enlarge pictures 1.1 to 4 times.",
    "degrade": "Make the inputs of a task from clean pictures.",
    "evaluate": "Measure a network on a folder of pictures, by the paper's protocol.",
    "cluster": "Restore very many pictures on many machines.",
    "figure": "Show crops of a picture before and after, side by side.",
    "serve": "Serve a page and an HTTP API.",
    "models": "List and describe networks and weights.",
    "train": "Train a network from a YAML recipe.",
    "data": "Decode training pictures once for many runs.",
    "bench": "Time the networks on this machine.",
    "convert": "Make a weights file of an authors' checkpoint.",
    "export": "Write a network for other programs: ONNX, darktable.",
}
"""Each lives in ``rnan.cli.NAME`` as ``command``."""

EPILOG = """Exit codes: 0 done; 1 a picture cannot be read or written; 2 wrong usage;
3 some files of a folder failed; 4 not enough memory or disk; 5 weights or a package missing;
130 interrupted."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"rnan.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which command is nearest to an unknown one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"unknown command {args[0]}{nearest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib import metadata

    from rnan.weights import registry

    engines = []
    for package in ("MNN", "torch"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            engines.append(f"{package} {metadata.version(package)}")
    weights = ", ".join(
        f"{name} {registry.card(name)['sha256'][:8]}" for name in registry.bundled()
    )
    click.echo(f"rnan {__version__} ({', '.join(engines)}; weights: {weights or 'none'})")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the versions of rnan, of what runs networks, and of the weights.",
)
def cli() -> None:
    """Restore pictures with the residual non-local attention network.

    Example: rnan denoise photo.jpg -o clean.jpg
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with the documented code."""
    alone = arguments is None
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    verbose = sum(
        len(word) - 1 for word in arguments if word.startswith("-v") and set(word[1:]) == {"v"}
    ) + arguments.count("--verbose")
    quiet = "-q" in arguments or "--quiet" in arguments
    logging.basicConfig(
        format="%(message)s",
        level=logging.ERROR if quiet else logging.DEBUG if verbose > 1 else logging.INFO,
    )
    detailed = verbose and not quiet
    logging.getLogger("rnan").setLevel(logging.DEBUG if detailed else logging.NOTSET)
    for noisy in ("PIL", "matplotlib", "torch", "tensorboard"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # our own line says what is wrong
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files need not be UTF-8
    code = _run(arguments, show_traceback=verbose > 1)
    if alone and "pyarrow" in sys.modules:
        _end(code)
    sys.exit(code)


def _end(code: int) -> NoReturn:
    """End a process that Arrow or Ray worked in, without taking Python apart.

    Threads of theirs may still need the interpreter then, and crash the process: exit code -6 or
    -11 after all work was done well (apache/arrow issue 34314).
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _run(arguments: list[str], *, show_traceback: bool) -> int:
    try:
        code: Any = cli.main(arguments, prog_name="rnan", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.Abort:
        return _fail("interrupted", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        hint = (
            error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "rnan"
        )
        return _fail(f"{error.format_message()} (see {hint} --help)", 2)
    except RnanError as error:
        if show_traceback:
            traceback.print_exc()
        return _fail(error.spelled(OptionRef.as_flag), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        full = is_full(error)
        return _fail(f"{error.strerror or error}: {error.filename or 'output'}", 4 if full else 1)
    except MemoryError:
        return _fail("not enough memory", 4)
    except Exception as error:  # a bug of ours; still no wall of text for the user
        if isinstance(error, ModuleNotFoundError) and error.name == "torch":
            return _fail(str(MissingExtraError("torch", "torch")), MissingExtraError.exit_code)
        if show_traceback:
            traceback.print_exc()
        return _fail(
            f"internal error: {type(error).__name__}: {error} (run with -vv and report)", 1
        )


def _fail(message: str, code: int) -> int:
    click.echo(f"rnan: {' '.join(message.split())}", err=True)
    return code
