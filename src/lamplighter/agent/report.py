"""How a model says that its work has ended: a call of one of three tools."""

from dataclasses import dataclass
from typing import Any

from pydantic_ai import ToolOutput


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


_REPORTS = {
    "report": Report,
    "nothing_to_report": NothingToReport,
    "needs_attention": NeedsAttention,
}
REPORT_NAMES = frozenset(_REPORTS)
REPORTS: Any = [ToolOutput(form, name=name) for name, form in _REPORTS.items()]
