"""The routes: those below ``/api/v1``, and those about the server itself."""

from fastapi import APIRouter

from rnan.options.server import ServerOptions
from rnan.server.forms import ShortForms
from rnan.server.jobs import Jobs
from rnan.server.routes.about import about_the_server, add_about
from rnan.server.routes.archive import add_archive
from rnan.server.routes.direct import add_inspect, add_preview, add_restore
from rnan.server.routes.jobs import add_jobs, add_results
from rnan.server.routes.shared import ASKED_BY_HEAD, REFUSALS, Parts
from rnan.server.studio import Studio

__all__ = ["ASKED_BY_HEAD", "about_the_server", "router"]


def router(options: ServerOptions, jobs: Jobs, studio: Studio) -> APIRouter:
    """The routes that restore."""
    routes = APIRouter(prefix="/api/v1", responses=REFUSALS, route_class=ShortForms)
    parts = Parts(options, jobs, studio)
    for add in (
        add_jobs,
        add_results,
        add_archive,
        add_restore,
        add_inspect,
        add_preview,
        add_about,
    ):
        add(routes, parts)
    return routes
