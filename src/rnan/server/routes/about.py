"""What can be asked for, what there is, and how the server is."""

import mimetypes
from typing import Any

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from rnan.options.levels import LEVELS
from rnan.options.option import options_of
from rnan.server.examples import EXAMPLES, example
from rnan.server.forms import as_json, fields
from rnan.server.jobs import Jobs
from rnan.server.metrics import Metrics
from rnan.server.problems import Problem
from rnan.server.routes.shared import REFUSALS, Parts
from rnan.weights import registry


def add_about(routes: APIRouter, parts: Parts) -> None:
    """Networks, options and examples."""
    options = parts.options

    @routes.get("/models", summary="The networks and what they were measured to do")
    async def get_models() -> list[dict[str, Any]]:
        return [{"name": name, **registry.card(name)} for name in registry.names()]

    @routes.get("/options", summary="What can be asked for")
    async def get_options() -> dict[str, Any]:
        return {
            "tasks": {name: list(options_of(level)) for name, level in LEVELS.items()},
            "levels": {
                name: [as_json(own) for own in options_of(level).values()]
                for name, level in LEVELS.items()
            },
            "options": [as_json(own) for own in fields().values()],
            "limits": {
                "bytes": options.max_upload,
                "pixels": options.max_pixels,
                "output_pixels": options.output_pixels,
                "direct_pixels": options.max_direct_pixels,
            },
        }

    @routes.get("/examples", summary="Pictures to try it with")
    async def get_examples() -> dict[str, str]:
        return EXAMPLES

    @routes.get(
        "/examples/{name}",
        summary="One of them",
        response_class=Response,
        responses={200: {"content": {"image/*": {}}}},
    )
    async def get_example(name: str) -> Response:
        if name not in EXAMPLES:
            raise Problem(404, "there is no such example")
        content = await run_in_threadpool(example, name)
        return Response(content, media_type=mimetypes.guess_type(name)[0])


def about_the_server(jobs: Jobs, metrics: Metrics) -> APIRouter:
    """Health, readiness, figures."""
    routes = APIRouter()

    @routes.get("/healthz", response_class=PlainTextResponse, summary="Whether it lives")
    async def get_health() -> str:
        return "ok\n"

    @routes.get(
        "/readyz",
        response_class=PlainTextResponse,
        summary="Whether it takes pictures",
        responses={status: REFUSALS[status] for status in (429, 503)},
    )
    async def get_readiness() -> str:
        jobs.check_room()
        return "ok\n"

    @routes.get("/metrics", response_class=Response, summary="Figures for Prometheus")
    async def get_metrics() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes
