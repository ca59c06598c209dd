"""pydantic-ai's loop on DBOS, as its users write it, taking the steps of ``steps``.

A program; ``throughput`` starts it.

Usage: python bench/loop_on_dbos.py FOLDER WORKFLOWS AT_ONCE

As ``bare_dbos``, but the answers come from a model within pydantic-ai's loop, which calls the
tools; both are journaled, and nothing else is kept.
"""

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

import bare_dbos
import steps
from dbos import DBOS
from pydantic_ai import Agent, ToolOutput
from pydantic_ai.durable_exec.dbos import DBOSDurability
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


@dataclass
class Report:
    """The work is done."""

    summary: str


async def answer(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
    """The call that is next."""
    turn = sum(isinstance(message, ModelResponse) for message in messages)
    tool, arguments = steps.CALLS[turn]
    return ModelResponse(parts=[ToolCallPart(tool, arguments)])


AGENT = Agent(
    FunctionModel(answer, model_name="scripted"),
    name="bench",
    output_type=ToolOutput(Report, name="report"),
    deps_type=str,
    capabilities=[DBOSDurability()],
)


@DBOS.step()
async def list_notes(folder: str) -> dict[str, Any]:
    """One entry in the journal."""
    return steps.take(1, folder)


@DBOS.step()
async def read_note(folder: str) -> dict[str, Any]:
    """One entry in the journal."""
    return steps.take(3, folder)


FOLDER = sys.argv[1] if __name__ == "__main__" else ""


@AGENT.tool_plain
async def list_documents() -> dict[str, Any]:
    """List the documents."""
    return await list_notes(FOLDER)


@AGENT.tool_plain
async def read_document(id: str) -> dict[str, Any]:
    """Read a document."""
    return await read_note(FOLDER)


@DBOS.workflow()
async def run_agent(_folder: str) -> None:
    """One run."""
    await AGENT.run("Do your scheduled task now.")


if __name__ == "__main__":
    asyncio.run(bare_dbos.main(run_agent, sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
