"""Lamplighter with effects that kill their process at a chosen moment; see ``test_outbox``.

Run as a program it is the command line, but for two variables: ``EFFECT`` (``file``: deliveries
as they are; ``line``: each appends a line to a file instead, which cannot be told apart from a
second one) and ``KILL_AT``, one of ``MOMENTS``.
"""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lamplighter.cli.main import main
from lamplighter.outbox import Effect, Outbox, Outcome
from lamplighter.tools.delivery import FileDelivery

MOMENTS = ("before the intent", "before the act", "before the receipt", "before the checkpoint")
LINES = "lines.txt"
perform = Outbox.perform
Reach = Callable[[str], None]


@dataclass(frozen=True)
class Line:
    """An effect whose repetition is not harmless."""

    file: Path
    kind = "line"
    deduplicates = False
    done = "Appended."

    @property
    def destination(self) -> str:
        return self.file.name

    def prepare(self) -> dict[str, Any]:
        return {"line": "x\n"}

    async def act(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        with self.file.open("a") as stream:
            stream.write(payload["line"])
        return {"size_bytes": self.file.stat().st_size}


@dataclass(frozen=True)
class Watched:
    """An effect that tells which moment it has reached."""

    effect: Effect
    reach: Reach

    @property
    def kind(self) -> str:
        return self.effect.kind

    @property
    def destination(self) -> str:
        return self.effect.destination

    @property
    def deduplicates(self) -> bool:
        return self.effect.deduplicates

    @property
    def done(self) -> str | None:
        return self.effect.done

    def prepare(self) -> Mapping[str, Any]:
        self.reach("before the intent")
        return self.effect.prepare()

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        self.reach("before the act")
        receipt = await self.effect.act(payload)
        self.reach("before the receipt")
        return receipt


async def perform_watched(box: Outbox, call: str, effect: Effect, reach: Reach) -> Outcome:
    """``Outbox.perform``, telling which moments it reaches."""
    outcome = await perform(box, call, Watched(effect, reach))
    reach("before the checkpoint")
    return outcome


async def perform_chosen(box: Outbox, call: str, effect: Effect) -> Outcome:
    """``Outbox.perform`` as the environment has it."""

    def reach(moment: str) -> None:
        if os.environ.get("KILL_AT") == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    if os.environ["EFFECT"] == "line":
        assert isinstance(effect, FileDelivery)
        effect = Line(effect.delivery.workspace / LINES)
    return await perform_watched(box, call, effect, reach)


if __name__ == "__main__":
    pytest.MonkeyPatch().setattr(Outbox, "perform", perform_chosen)
    main()
