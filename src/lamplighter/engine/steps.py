"""The finished steps of a run, as its journal keeps them."""

from typing import Any, NamedTuple

import sqlalchemy as sa
from dbos import DBOSClient

from lamplighter.engine.durable import APPLICATION, JsonSerializer


class Step(NamedTuple):
    """A finished step.

    Attributes:
        name: What was done.
        value: What came of it, as JSON data.
    """

    name: str
    value: Any


def read_steps(engine: sa.Engine, run_id: str) -> list[Step]:
    """The steps of a run in the order in which they began; none: they are not kept any more."""
    client = DBOSClient(
        system_database_url=engine.url.render_as_string(hide_password=False),
        system_database_engine=engine,
        serializer=JsonSerializer(),
        application_name=APPLICATION,
        lazy=True,
    )
    found = client.list_workflow_steps(run_id)
    found.sort(key=lambda step: step["function_id"])
    return [Step(step["function_name"], step["output"]) for step in found if not step["error"]]
