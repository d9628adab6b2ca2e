"""``rnan serve``."""

import os
from dataclasses import replace
from typing import Any

import click

from rnan.cli import progress
from rnan.cli.options import (
    THREADS,
    GroupedCommand,
    chosen,
    make_request_of,
    set_threads,
    verbosity,
    with_options,
)
from rnan.options.option import options_of
from rnan.options.restoring import RestoreOptions
from rnan.options.server import ServerOptions

_MACHINE = [one for one in options_of(RestoreOptions).values() if one.machine]


@click.command("serve", cls=GroupedCommand)
@with_options(options_of(ServerOptions).values())
@with_options(_MACHINE)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@THREADS
@verbosity
def command(*, opens: bool, **values: Any) -> None:
    """Serve a page and an HTTP API that restore pictures.

    Needs the extra web: pip install 'rnan[web]'. By default only this machine reaches it. The page
    asks no other host for anything; the API is described at /reference.html.

    \b
    Examples:
      rnan serve --open
      rnan serve --host 0.0.0.0 --allow-host pictures.example --token "$SECRET"
    """
    from rnan.server import create_app, serve

    set_threads(values["threads"])
    options = chosen(
        ServerOptions, {"token": os.environ.get("RNAN_TOKEN") or None} | _given(values)
    )
    options = replace(options, restoring=make_request_of("auto", values).restoring)
    if not options.is_local and not options.token:
        progress.say_plainly(
            f"rnan: {options.host} is reached by others, and there is no token; see --token"
        )
    serve(options, create_app(options), say=_say_and_open if opens else click.echo)


def _say_and_open(address: str) -> None:
    """Say where the page is, and let the system show it; where it can't, the address is enough."""
    import threading
    import webbrowser

    click.echo(address)
    # Not waited for: a browser in the terminal would keep the server from answering it.
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
