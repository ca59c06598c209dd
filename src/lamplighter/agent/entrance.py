"""Where what tools return comes into a run: labelled, and fenced where it must not be obeyed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from lamplighter.definitions.agent import Agent
from lamplighter.definitions.fence import fence, new_mark
from lamplighter.definitions.flow import Flow
from lamplighter.definitions.links import learn_links
from lamplighter.definitions.nature import Label, Nature, nature_of, origin_of, tells_links

_CAME = frozenset({"sent", "failed", "uncertain"})
"""States of effects that have been out in the world, and brought something back."""


class Arrival(NamedTuple):
    """A label that came into a run for the first time."""

    label: Label
    origin: str


@dataclass(frozen=True, slots=True)
class Entrance:
    """The entrance of one agent's tools into the run.

    Attributes:
        flow: What has come into the run.
        names: The agent's tools, by the names that the model knows.
        network: Whether the agent's commands may reach anything.
    """

    flow: Flow = field(default_factory=Flow)
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    network: bool = False

    @classmethod
    def of(cls, agent: Agent, flow: Flow) -> "Entrance":
        """The one of an agent in a run."""
        return cls(flow, agent.tool_names, bool(agent.network))

    def admit(
        self, name: str, arguments: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> list[Arrival]:
        """Let an answer in: from now on the run is labelled by it; gives what is new about that."""
        nature, origin = self._nature(name), self._origin(name, arguments)
        if tells_links(self.names.get(name, name)) and "effect" not in answer:
            self.flow.links |= learn_links(answer.get("result")) - learn_links(arguments)
        if not _brings_something(nature, answer):
            return []
        return [Arrival(label, origin) for label in self.flow.take(_brings(nature, answer), origin)]

    def show(self, name: str, arguments: Mapping[str, Any], answer: Mapping[str, Any]) -> Any:
        """What the model is shown of an answer that was let in: its result, or its error."""
        shown = answer["error"] if "error" in answer else answer["result"]
        nature = self._nature(name)
        is_foreign = "untrusted" in _brings(nature, answer) or (
            nature.echoes and self.flow.is_untrusted
        )
        if not is_foreign or not _brings_something(nature, answer):
            return shown
        return fence(shown, answer.get("mark") or new_mark(), self._origin(name, arguments))

    def _nature(self, name: str) -> Nature:
        return nature_of(self.names.get(name, name), network=self.network)

    def _origin(self, name: str, arguments: Mapping[str, Any]) -> str:
        return origin_of(self.names.get(name, name), arguments)


def _brings(nature: Nature, answer: Mapping[str, Any]) -> frozenset[Label]:
    """The labels of what a tool returns, and those that what it returns has kept."""
    return nature.brings | frozenset(answer.get("labels", ()))


def _brings_something(nature: Nature, answer: Mapping[str, Any]) -> bool:
    """Whether an answer has what others wrote in it, and is not just our own word."""
    if "withheld" in answer:
        return False
    if "effect" in answer and answer["effect"]["state"] not in _CAME:
        return False
    return "result" in answer or nature.reaches == "outside" or nature.echoes
