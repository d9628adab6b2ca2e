"""Figures for Prometheus, and lines for the log."""

import logging
import time
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rnan.server.jobs import ENDED, Jobs

_log = logging.getLogger(__name__)
_METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")


class Metrics:
    """Figures of one server, in a registry of its own."""

    def __init__(self, jobs: Jobs) -> None:
        self.registry = CollectorRegistry()
        Gauge(
            "rnan_jobs_waiting", "Jobs that have not ended.", registry=self.registry
        ).set_function(lambda: jobs.waiting)
        Gauge("rnan_jobs_running", "Jobs at work.", registry=self.registry).set_function(
            lambda: jobs.running
        )
        ended = Gauge("rnan_jobs_ended", "Jobs that have ended.", ["state"], registry=self.registry)
        for state in ENDED:
            ended.labels(state).set_function(partial(jobs.counts.__getitem__, state))
        self._requests = Counter(
            "rnan_http_requests", "Answers.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "rnan_http_seconds", "Until the answer.", ["route"], registry=self.registry
        )

    def watching(self, app: ASGIApp) -> ASGIApp:
        """The app, with its answers counted."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            start = time.perf_counter()

            async def counted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    # Not the path: it has the numbers of jobs.
                    route = getattr(scope.get("route"), "path", "none")
                    status = str(message["status"])
                    # Nor whatever a client calls its method: each would be a figure for good.
                    method = scope["method"] if scope["method"] in _METHODS else "other"
                    seconds = time.perf_counter() - start
                    self._requests.labels(method, route, status).inc()
                    self._seconds.labels(route).observe(seconds)
                    _log.debug("%s %s %s in %.3f s", method, route, status, seconds)
                await send(message)

            await app(scope, receive, counted)

        return watched
