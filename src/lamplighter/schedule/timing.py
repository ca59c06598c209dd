"""What a schedule is."""

from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Literal

CatchUp = Literal["skip", "last", "all"]
Overlap = Literal["skip", "queue", "cancel_running"]

MAX_SECONDS = 3650 * 24 * 3600
"""The longest interval: ten years."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression: five fields, or six when it begins with seconds."""

    expression: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A whole number of seconds of elapsed time."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Window:
    """A random moment from ``start`` on and before ``end``, on certain days.

    Attributes:
        days: A cron expression for midnight of those days, such as ``0 0 * * 1-5``.
        start: On the wall clock of such a day.
        end: On the same day, or on the next one if it is not later than ``start``.
    """

    days: str
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Once:
    """One moment, aware, in UTC."""

    at: datetime


Timing = Cron | Interval | Window | Once


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the day in which nothing is to start.

    Attributes:
        start: On the wall clock.
        end: On the same day, or on the next one if it is not later than ``start``.
        then: ``skip`` what is due in them, or let it ``wait`` for their end.
    """

    start: time
    end: time
    then: Literal["skip", "wait"] = "skip"


@dataclass(frozen=True, slots=True)
class Policy:
    """What happens when a due moment is late, or comes while the agent is running.

    Attributes:
        catch_up: Which of several late moments run.
        within_seconds: How late they may run; ``None`` means one period, at most a day (for
            ``all``: a day).
        overlap: What becomes of a due moment while the agent has an active run.
    """

    catch_up: CatchUp = "last"
    within_seconds: int | None = None
    overlap: Overlap = "skip"


@dataclass(frozen=True, slots=True)
class Schedule:
    """A timing in an IANA time zone.

    Attributes:
        start: Nothing is due before it, and intervals are counted from it.
        end: Nothing is due after it.
        jitter_seconds: Each due moment is put off by a random part of this.
    """

    timing: Timing
    timezone: str
    start: datetime | None = None
    end: datetime | None = None
    jitter_seconds: int = 0
    quiet: Quiet | None = None
    policy: Policy = field(default_factory=Policy)

    @property
    def rhythm(self) -> tuple[object, ...]:
        """What an anchor belongs to: as long as it is the same, so is the anchor."""
        return (self.timing, self.timezone, self.start)

    @property
    def is_anchored(self) -> bool:
        """Whether it takes an anchor or a seed to tell when it is due."""
        if isinstance(self.timing, Interval):
            return self.start is None or self.jitter_seconds > 0
        return isinstance(self.timing, Window) or self.jitter_seconds > 0
