"""To whom an agent may write, and how often. Pure."""

from dataclasses import dataclass
from typing import Any

from lamplighter.addresses import domain_of, folded


@dataclass(frozen=True, slots=True)
class Correspondence:
    """What ``send_email`` may do, by an agent's ``email``.

    Attributes:
        to: Addresses, and domains whose every address is meant; as ``addresses`` writes them.
        per_run: E-mails of one run at most.
        per_day: E-mails of the agent within 24 hours at most.
    """

    to: tuple[str, ...] = ()
    per_run: int = 5
    per_day: int = 20

    def names(self, address: str) -> bool:
        """Whether this very address is among them."""
        return folded(address) in map(folded, self.to)

    def admits(self, address: str) -> bool:
        """Whether it is, or its domain."""
        return self.names(address) or domain_of(address) in self.to

    def as_data(self) -> dict[str, Any]:
        """As agent files have it."""
        return {"to": list(self.to), "per_run": self.per_run, "per_day": self.per_day}


TO_NOBODY = Correspondence()
