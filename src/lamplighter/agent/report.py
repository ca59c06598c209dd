"""How a model says that its work has ended: a call of one of three tools."""

import inspect
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from pydantic_ai.tools import ToolDefinition


@dataclass
class Report:
    """The work is done.

    Args:
        summary: Two to three factual sentences: what was done and found, where the result is.
    """

    summary: str


@dataclass
class NothingToReport:
    """There was nothing to do, or nothing new; nobody needs to hear of it.

    Args:
        reason: One sentence.
    """

    reason: str


@dataclass
class NeedsAttention:
    """The work could not be done; a person has to look at it.

    Args:
        reason: What is in the way and what would help, in one to three sentences.
    """

    reason: str


class ReportTool(NamedTuple):
    """A way to end.

    Attributes:
        definition: What models are told of it.
        validator: What makes a report of a call's arguments.
    """

    definition: ToolDefinition
    validator: Any


def _tool(name: str, form: Any) -> ReportTool:
    texts = {field.name: {"type": "string"} for field in fields(form)}
    schema = {"type": "object", "properties": texts, "required": list(texts)}
    definition = ToolDefinition(
        name=name, parameters_json_schema=schema, description=inspect.getdoc(form), kind="output"
    )
    return ReportTool(definition, TypeAdapter(form).validator)


REPORTS = {
    name: _tool(name, form)
    for name, form in (
        ("report", Report),
        ("nothing_to_report", NothingToReport),
        ("needs_attention", NeedsAttention),
    )
}
"""The ways to end, made once, as their validators take a while."""
