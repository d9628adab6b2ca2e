"""Requests that nobody would send: whatever comes, the server does not fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis")
pytest.importorskip("fastapi", reason="needs the extra web")

from schemathesis.checks import not_a_server_error  # noqa: E402

from rnan.server import ServerOptions, create_app  # noqa: E402


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("jobs")
    app = create_app(ServerOptions(folder=folder, max_pixels=4096, queue=1000, hosts=("*",)))
    yield schemathesis.openapi.from_asgi("/openapi.json", app)
    app.state.jobs.close()


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_is_an_error_of_the_server(case: Any) -> None:
    case.call_and_validate(checks=[not_a_server_error])
