"""Requests that nobody would send: whatever comes, the server does not fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis")
pytest.importorskip("fastapi", reason="needs the extra web")

from rnan.server import ServerOptions, create_app  # noqa: E402


def test_no_answer_is_an_error_of_the_server(tmp_path: Path) -> None:
    """Requests are made up from the OpenAPI document, right and wrong ones."""
    app = create_app(
        ServerOptions(folder=tmp_path, max_megapixels=0.01, queue=10_000, allow_host=("*",))
    )
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    statuses: set[int] = set()
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 14
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
        def attempt(case: Any) -> None:
            answer = case.call()
            statuses.add(answer.status_code)
            assert answer.status_code < 500, (case.method, case.path, answer.text)

        attempt()
    app.state.jobs.close()
    assert {200, 404, 422} <= statuses
