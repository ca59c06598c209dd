"""The API against its own description: no faults, answers as described, whatever is asked.

Schemathesis makes the requests from the OpenAPI document.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from starlette.testclient import TestClient
from team import ANN, ROOT, Team, made_team

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
    )

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
EXAMPLES = 3
"""Requests of each operation and kind of caller; raise it to search longer."""

pytestmark = pytest.mark.filterwarnings("ignore")  # of a library that is not ours


@pytest.fixture(scope="module")
def team() -> Iterator[Team]:
    with made_team() as made:
        made.agent(ROOT, "census", org=True, head="actions: []")
        made.run(made.agent(ANN, "digest"))
        made.asking_chat(ANN, "digest")
        yield made


@pytest.mark.parametrize("user", [ANN, ROOT])
def test_no_request_meets_a_fault_and_every_answer_is_as_described(team: Team, user: str) -> None:
    document = team.app.openapi()
    schema = schemathesis.openapi.from_dict(document).exclude(path_regex="stream|healthz")
    schema.app = team.app
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # else it fails
        case = operation.as_strategy()

        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=case)
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            case.validate_response(_send(team.browser(user), case), checks=CHECKS)

        ask()
    assert asked > 100


def _send(browser: TestClient, case: Any) -> Any:
    sent = case.as_transport_kwargs(base_url="http://127.0.0.1")
    names = ("method", "url", "headers", "params", "json")
    given_ = {name: sent[name] for name in names if name in sent}
    if "data" in sent:
        given_["content"] = sent["data"]
    return browser.request(**given_)
