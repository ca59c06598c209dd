"""What may flow out of a run once others' words have come in. Pure.

A model cannot tell an instruction from a text that looks like one, so whatever it asks for after
it has read what strangers wrote may be what they want. Labels say what has come in; the one rule
(``Flow.objection``) says what may go out. No judgement of a model is part of it.

Sources: Debenedetti et al., Defeating Prompt Injections by Design (CaMeL), 2025; Costa et al.,
Securing AI Agents with Information-Flow Control (FIDES), 2025; Willison, The lethal trifecta, 2025.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from lamplighter.definitions.nature import Label

_SHOWN = 200
"""Characters of an address in an objection."""


@dataclass
class Flow:
    """What has come into a run, of which all agents that are called in it are part.

    Attributes:
        origins: Each label that has come in, and where from.
        links: Addresses that have come in as they are.
    """

    origins: dict[Label, set[str]] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)

    @property
    def labels(self) -> frozenset[Label]:
        """What has come in."""
        return frozenset(self.origins)

    @property
    def is_untrusted(self) -> bool:
        """Whether anything has come in that must not be obeyed."""
        return "untrusted" in self.origins

    def take(self, labels: Iterable[Label], origin: str) -> list[Label]:
        """Note what comes in; gives the labels that are new."""
        new = [label for label in sorted(labels) if label not in self.origins]
        for label in labels:
            self.origins.setdefault(label, set()).add(origin)
        return new

    def objection(
        self, *, acts: bool, fixed: bool, origin: str = "", links: Iterable[str] = ()
    ) -> str:
        """Why something may not go out now; empty if it may.

        Args:
            acts: Whether it changes something out there; else it only asks, and what it asks says
                something.
            fixed: Whether whoever wrote the agent's file or the settings has decided where it
                goes, and nothing that was read can change that.
            origin: Whom it asks; what came from there may go back there.
            links: Addresses that it tells whoever it reaches.
        """
        if not self.is_untrusted:
            return ""
        if fixed:
            return self._objection_to(set(links) - self.links)
        if acts:
            return f"this run has read what others wrote ({self._from('untrusted')})"
        private = self.origins.get("private", set()) - {origin}
        if not private:
            return ""
        return (
            f"this run has read what is private ({_some(private)}) and what others wrote "
            f"({self._from('untrusted')}), and this could carry the one where the other wants it"
        )

    def _objection_to(self, links: set[str]) -> str:
        """Why addresses that the run has put together may not go even where it is fixed."""
        if not links or "private" not in self.origins:
            return ""
        return (
            f"it has an address that this run has put together ({min(links)[:_SHOWN]}), after it "
            f"has read what is private ({self._from('private')}) and what others wrote "
            f"({self._from('untrusted')}); whoever opens it tells its server what it says"
        )

    def _from(self, label: Label) -> str:
        return _some(self.origins[label])


def _some(origins: Iterable[str]) -> str:
    first, *more = sorted(origins)
    return f"{first} and {len(more)} more" if more else first
