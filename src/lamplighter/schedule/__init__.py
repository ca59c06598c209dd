"""When something is due. Pure: the time comes in as an argument.

A schedule is a timing in a time zone, with bounds and a policy. Four timings exist:

- ``Cron``: what the wall clock and the calendar of the zone say.
- ``Interval``: elapsed time since an anchor; clock changes do not touch it.
- ``Window``: a random moment between two times, on the days that a cron names.
- ``Once``: one moment.

When the clocks change, cron follows Debian's rule, as cronsim does. A fixed time (minute and
hour both begin with something else than ``*``) fires exactly once: in the first pass of a
repeated hour, and at the first moment after a gap that swallowed it. Everything else fires
whenever the wall clock shows a matching time: in both passes of a repeated hour, and not at
all inside a gap.
"""

from lamplighter.schedule.data import from_data, to_data
from lamplighter.schedule.due import latest, next_due, quiet_until, upcoming, window_at
from lamplighter.schedule.reading import parse
from lamplighter.schedule.times import read_moment, read_seconds, read_zone
from lamplighter.schedule.timing import (
    MAX_SECONDS,
    CatchUp,
    Cron,
    Interval,
    Once,
    Overlap,
    Policy,
    Quiet,
    Schedule,
    Timing,
    Window,
)
from lamplighter.schedule.words import describe, describe_seconds

__all__ = [
    "MAX_SECONDS",
    "CatchUp",
    "Cron",
    "Interval",
    "Once",
    "Overlap",
    "Policy",
    "Quiet",
    "Schedule",
    "Timing",
    "Window",
    "describe",
    "describe_seconds",
    "from_data",
    "latest",
    "next_due",
    "parse",
    "quiet_until",
    "read_moment",
    "read_seconds",
    "read_zone",
    "to_data",
    "upcoming",
    "window_at",
]
