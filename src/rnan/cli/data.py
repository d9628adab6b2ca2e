"""``rnan data``: training pictures."""

from pathlib import Path

import click

from rnan.cli import progress
from rnan.cli.options import PATH, verbosity
from rnan.errors import InputError


@click.group("data")
def command() -> None:
    """Decode training pictures once for many runs.

    Example: rnan data prepare DIV2K_train_HR.zip -o prepared/div2k
    """


@command.command("prepare")
@click.argument("sources", nargs=-1, type=PATH, metavar="[FOLDER|ARCHIVE]...")
@click.option("-o", "--output", required=True, type=PATH, help="Folder for the result.")
@click.option(
    "--plane",
    type=click.Choice(["rgb", "gray", "luma"]),
    default="rgb",
    show_default=True,
    help="rgb for the tasks in colour, gray for denoise-gray, luma for dejpeg.",
)
@click.option("--halved", is_flag=True, help="Each picture once more at half its size.")
@click.option("--verify", is_flag=True, help="Read the result again and compare checksums.")
@verbosity
def prepare(
    sources: tuple[Path, ...], output: Path, plane: str, halved: bool, verify: bool
) -> None:
    """Decode folders and archives (zip, tar) of pictures into one large file for rnan train.

    Training maps it into memory, so that it may be larger than memory, and starts at once. The
    1st, 21st, 41st … picture of each source is kept for validation. Interrupted, the same command
    goes on; without sources and with --verify it checks what is there.

    \b
    Example:
      rnan data prepare DIV2K_train_HR.zip -o prepared/div2k
      rnan train recipes/denoise-color.yaml -o runs/x data.prepared=prepared/div2k data.folders=[]
    """
    import shutil

    from rnan.training.prepared import damaged, prepare
    from rnan.training.sources import is_archive, open_archive, open_folder

    if not sources and not verify:
        raise click.UsageError("name a folder or an archive")
    if sources:
        unpacked = output / ".rnan-unpacked"
        opened = [
            open_archive(one, unpacked) if is_archive(one) else open_folder(one) for one in sources
        ]
        with progress.bar() as bar:
            row = progress.row(bar, "decoding", total=None)
            prepared = prepare(
                opened,
                output,
                plane=plane,  # type: ignore[arg-type]
                halved=halved,
                progress=lambda done, total: bar.update(row, completed=done, total=total),
            )
        shutil.rmtree(unpacked, ignore_errors=True)
        click.echo(
            f"{output}: {len(prepared.training)} pictures to train on, "
            f"{len(prepared.validation)} for validation"
        )
    if verify:
        wrong = damaged(output)
        if wrong:
            raise InputError(
                f"{len(wrong)} pictures in {output} are damaged ({wrong[0]}); "
                "delete it and prepare again"
            )
        click.echo(f"{output}: every picture is as it was written")
