"""The only clock. Everything that asks for the time asks here, so that a test can hold it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        return datetime.now(UTC)


_clock: Clock = SystemClock()


def now() -> datetime:
    """The current moment, aware, in UTC."""
    return _clock.now()


def monotonic() -> float:
    """Seconds that only grow, for measuring durations; unrelated to the time of day."""
    return time.monotonic()


@contextmanager
def using(clock: Clock) -> Iterator[None]:
    """Let ``clock`` tell the time for the whole process while the block runs."""
    global _clock
    before, _clock = _clock, clock
    try:
        yield
    finally:
        _clock = before
