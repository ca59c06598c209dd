"""The turns of a run: the model is asked, and what it calls is carried out, until it has ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic_ai.messages import (
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    TextPart,
    ToolCallPart,
)
from pydantic_ai.models import ModelRequestParameters

from lamplighter import clock
from lamplighter.agent.calls import Calls, Results
from lamplighter.agent.requests import Requests


@dataclass
class Turns:
    """A conversation of a model with its tools.

    Attributes:
        requests: How the model is asked.
        calls: How its calls are carried out.
        instruct: What it is told before each request: what stays the same, and what was added.
        messages: What was said so far.
    """

    requests: Requests
    calls: Calls
    instruct: Callable[[], tuple[str, str]]
    messages: list[ModelMessage] = field(default_factory=list)

    async def take(self, parts: Sequence[ModelRequestPart]) -> str | Results:
        """Take turns until the model has reported, stops talking, or a call waits for somebody.

        Args:
            parts: What the model is told first.

        Raises:
            UsageLimitExceeded: It would use more than the run may.
            pydantic_ai.exceptions.AgentRunError: The provider failed.
        """
        while True:
            response = await self.ask(parts)
            if not response.tool_calls:
                return words(response)
            results = Results()
            await self.carry_out(response.tool_calls, results)
            if results.report is not None or results.asked:
                self._keep(results)
                return results
            parts = results.in_order()

    async def ask(self, parts: Sequence[ModelRequestPart]) -> ModelResponse:
        """Tell the model something, and have its answer."""
        given, added = self.instruct()
        instructions = [InstructionPart(given)]
        if added:  # marked, so that providers keep all before it in their cache
            instructions.append(InstructionPart(added, dynamic=True))
        text = InstructionPart.join(instructions)
        self.messages.append(ModelRequest(parts, instructions=text, timestamp=clock.now()))
        self.calls.turn += 1
        response = await self.requests.ask(self.messages, self._parameters(instructions))
        self.messages.append(response)
        return response

    async def carry_out(self, calls: Sequence[ToolCallPart], results: Results) -> None:
        """Carry out calls; what came of some is kept even if this is interrupted."""
        try:
            await self.calls.carry_out(calls, results)
        except BaseException:
            self._keep(results, "interrupted")
            raise

    def _keep(
        self, results: Results, state: Literal["complete", "interrupted"] = "complete"
    ) -> None:
        if parts := results.in_order():
            self.messages.append(ModelRequest(parts, timestamp=clock.now(), state=state))

    def _parameters(self, instructions: list[InstructionPart]) -> ModelRequestParameters:
        reports = [tool.definition for tool in self.calls.reports.values()]
        return ModelRequestParameters(
            function_tools=[tool.tool_def for tool in self.calls.tools.values()],
            output_tools=reports,
            output_mode="tool" if reports else "text",
            instruction_parts=instructions,
        )


def words(response: ModelResponse) -> str:
    """What a model has said."""
    return "".join(part.content for part in response.parts if isinstance(part, TextPart))
