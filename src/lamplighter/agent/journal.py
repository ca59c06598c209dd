"""A run's journal, in which each model request and each tool call is a step.

``Journal.step`` may answer from an earlier attempt at the run; between steps the loop is
deterministic.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, runtime_checkable

NESTED = {"nested": True}
"""Metadata of a tool that makes steps of its own, and so is none itself. It has to run alone."""


class Journal(Protocol):
    """Where a run's steps are kept and its events are told."""

    async def step(self, name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """The JSON value of ``call``, or what it gave in an earlier attempt at this run."""
        ...

    def event(self, key: str, kind: str, data: Mapping[str, object]) -> None:
        """Add an entry to the run's record, unless ``key`` is already in it."""
        ...


@runtime_checkable
class Answered(Protocol):
    """What a tool gives that says more than its result."""

    @property
    def answer(self) -> dict[str, Any]:
        """JSON: ``result`` or ``error``; ``effect`` or ``files``, which it brought about."""
        ...


class Bench(Protocol):
    """What the tools of a run work on."""

    def apply_files(self, changes: Mapping[str, Any]) -> None:
        """Have these changes of the run's files, which a step brought about, perhaps long ago."""
        ...

    def keep_texts(self, texts: Mapping[str, str]) -> Mapping[str, Any]:
        """Write texts into the run's files, as far as there is room; gives the changes, as JSON."""
        ...
