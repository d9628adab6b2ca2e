"""``rnan serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rnan.cli import progress
from rnan.cli.options import ENGINE, PATH, FiniteRange, computing, set_threads, verbosity

_MEGA = 1e6


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="0 takes any."
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    help="Another name under which it is called; * allows all.",
)
@click.option(
    "--token", envvar="RNAN_TOKEN", help="What requests must bring.  [default: $RNAN_TOKEN, none]"
)
@click.option(
    "--max-upload", default="200M", show_default=True, help="Largest file, for example 50M."
)
@click.option(
    "--max-megapixels",
    type=FiniteRange(min=0.01),
    default=50.0,
    show_default=True,
    help="Largest picture; results may have four times as many.",
)
@click.option(
    "--queue",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="Pictures that may wait.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Pictures at a time; they share the processor.",
)
@click.option(
    "--max-minutes",
    type=FiniteRange(min=0.0, min_open=True),
    default=60.0,
    show_default=True,
    help="That a picture may take.",
)
@click.option(
    "--keep-minutes",
    type=FiniteRange(min=0.0, min_open=True),
    default=30.0,
    show_default=True,
    help="After which results are removed.",
)
@click.option("--allow-raw", is_flag=True, help="Take camera raw too (the extra raw).")
@click.option("--max-memory", help="Memory the network may take, for example 512M.")
@click.option("--folder", type=PATH, help="For the files of jobs.  [default: the temporary folder]")
@ENGINE
@computing
@verbosity
def command(threads: int | None, folder: Path | None, **options: Any) -> None:
    """Serve a page and an HTTP API that restore pictures.

    Needs the extra web: pip install 'rnan[web]'. By default only this machine reaches it. The page
    asks no other host for anything; the API is described at /reference.html.

    \b
    Examples:
      rnan serve
      rnan serve --host 0.0.0.0 --allow-host pictures.example --token "$SECRET"
    """
    from rnan.inference.options import parse_size
    from rnan.server import ServerOptions, create_app, serve

    set_threads(threads)
    pixels = round(options["max_megapixels"] * _MEGA)
    memory = options["max_memory"]
    settings = ServerOptions(
        host=options["host"],
        port=options["port"],
        hosts=options["hosts"],
        token=options["token"],
        max_bytes=parse_size(options["max_upload"]),
        max_pixels=pixels,
        max_output_pixels=4 * pixels,
        queue=options["queue"],
        workers=options["workers"],
        seconds=60.0 * options["max_minutes"],
        keep=60.0 * options["keep_minutes"],
        raw=options["allow_raw"],
        folder=folder,
        restoring={
            "device": options["device"],
            "dtype": options["dtype"],
            "engine": options["engine"],
            "max_memory": parse_size(memory) if memory else None,
        },
    )
    if not settings.is_local and not settings.token:
        progress.say_plainly(
            f"rnan: {settings.host} is reached by others, and there is no token; see --token"
        )
    serve(settings, create_app(settings), say=click.echo)
