"""Telling the time: from a schedule to its due moments."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lamplighter.schedule.crontab import Crontab
from lamplighter.schedule.times import localise, strip_zone
from lamplighter.schedule.timing import Cron, Interval, Once, Quiet, Schedule, Window

SECOND = timedelta(seconds=1)
_INSTANT = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_FIRST_SPAN = timedelta(minutes=1)


def next_due(
    schedule: Schedule, after: datetime, *, anchor: datetime, seed: str = ""
) -> datetime | None:
    """The first due moment strictly after ``after``, in UTC; ``None`` when there is none.

    Args:
        schedule: As ``parse`` read it.
        after: Aware.
        anchor: Aware; when the schedule was saved. An interval is due every so many seconds
            later, and a window that was open then only counts from then on.
        seed: What random moments are drawn from, together with their date: the same seed gives
            the same moments for ever.
    """
    after = after.astimezone(UTC)
    try:
        due = _Course(schedule, anchor.astimezone(UTC), seed).next(after)
    except OverflowError:  # beyond the year 9999
        return None
    return None if due is None or (schedule.end and due > schedule.end) else due


def upcoming(
    schedule: Schedule, after: datetime, *, anchor: datetime, seed: str = "", count: int
) -> list[datetime]:
    """The next ``count`` due moments after ``after``, in UTC; fewer when there are fewer."""
    moments: list[datetime] = []
    while len(moments) < count:
        due = next_due(schedule, after, anchor=anchor, seed=seed)
        if due is None:
            break
        moments.append(due)
        after = due
    return moments


def latest(
    schedule: Schedule,
    since: datetime,
    until: datetime,
    *,
    anchor: datetime,
    seed: str = "",
    count: int,
) -> list[datetime]:
    """The last ``count`` due moments after ``since``, up to ``until``; the oldest first."""
    return _latest(
        lambda after: next_due(schedule, after, anchor=anchor, seed=seed), since, until, count
    )


def window_at(schedule: Schedule, moment: datetime) -> tuple[datetime, datetime] | None:
    """The window that ``moment`` lies in, from start to end, in UTC."""
    if not isinstance(schedule.timing, Window):
        return None
    zone = ZoneInfo(schedule.timezone)
    for day in _days(schedule.timing, zone, moment):
        start, end = _span(schedule.timing, day, zone)
        if start > moment:
            return None
        if moment < end or moment == start:
            return start, end
    return None


def quiet_until(schedule: Schedule, moment: datetime) -> datetime | None:
    """When the quiet hours end that ``moment`` lies in, in UTC; ``None`` if in none."""
    span = _quiet_span(schedule, moment)
    return span[1] if span else None


@dataclass(frozen=True, slots=True)
class _Course:
    """The due moments of a schedule, in three layers: the timing's, with jitter, after quiet."""

    schedule: Schedule
    anchor: datetime
    seed: str

    def next(self, after: datetime) -> datetime | None:
        """The first due moment after ``after``; what waits is due when its quiet hours end."""
        quiet = self.schedule.quiet
        if quiet is None or quiet.then == "skip":
            return self.put_off(after)
        span = _quiet_span(self.schedule, after)
        due = self.put_off(span[0] - _INSTANT if span else after)
        return due and (quiet_until(self.schedule, due) or due)

    def put_off(self, after: datetime) -> datetime | None:
        """The first moment after ``after`` with jitter: never as late as the next one without."""
        most = timedelta(seconds=self.schedule.jitter_seconds)
        if not most:
            return self.timed(after)
        before = _latest(self.timed, after - most, after, 1)
        for due in (*before, self.timed(after)):
            if due is not None and (shifted := due + self._delay(due, most)) > after:
                return shifted
        return None

    def timed(self, after: datetime) -> datetime | None:
        """The timing's own first moment after ``after``, within start and end."""
        start, end = self.schedule.start, self.schedule.end
        due = self._timed(max(after, start - _INSTANT) if start else after)
        return None if due is None or (end and due > end) else due

    def _timed(self, after: datetime) -> datetime | None:
        zone, start = ZoneInfo(self.schedule.timezone), self.schedule.start
        match self.schedule.timing:
            case Cron(expression):
                return _next_cron(expression, zone, after)
            case Interval(seconds):
                return _next_interval(seconds, start or self.anchor, after)
            case Window() as window:
                opened = max(self.anchor, start) if start else self.anchor
                return _next_drawn(window, zone, after, opened, self.seed)
            case Once(at):
                return at if at > after else None

    def _delay(self, due: datetime, most: timedelta) -> timedelta:
        room = most
        following = self.timed(due)
        if following is not None:
            room = min(room, following - due)
        if self.schedule.end is not None:
            room = min(room, self.schedule.end - due)
        return _draw(self.seed, due.isoformat(), room)


def _draw(seed: str, key: str, room: timedelta) -> timedelta:
    """Whole seconds, fewer than ``room``; random to look at, but always the same ones."""
    digest = hashlib.sha256(f"{seed}@{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % max(room // SECOND, 1) * SECOND


def _latest(
    following: Callable[[datetime], datetime | None], since: datetime, until: datetime, count: int
) -> list[datetime]:
    """Look back further and further, so that neither rare nor frequent moments cost much."""
    span = _FIRST_SPAN
    while True:
        start = max(since, until - span)
        found: list[datetime] = []
        due = following(start)
        while due is not None and due <= until:
            found.append(due)
            due = following(due)
        if len(found) >= count or start == since:
            return found[-count:]
        span *= 8


# Intervals and cron


def _next_interval(seconds: int, anchor: datetime, after: datetime) -> datetime:
    if after < anchor:
        return anchor
    step = timedelta(seconds=seconds)
    return anchor + ((after - anchor) // step + 1) * step


def _next_cron(expression: str, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Let cronsim run on the bare wall clock, and deal with its changes here.

    (Left to itself, cronsim 2.8 misses times on the days when the clocks of
    Australia/Lord_Howe change by half an hour, and skips a six-field time inside a gap.)
    """
    local = after.astimezone(zone)
    if _is_fixed_time(expression):
        dues = (localise(due, zone) for due in Crontab(expression, strip_zone(local)))
        return next((due for due in dues if due > after), None)
    # Zero, except in the first pass of an hour that will be repeated: the second pass shows
    # times that the clock has shown before, so look for those from so much earlier on.
    repeated = _offset(local) - _offset(local.replace(fold=1))
    passes = [
        _first_showing(expression, strip_zone(local), zone, fold=0, after=after),
        _first_showing(expression, strip_zone(local) - repeated, zone, fold=1, after=after),
    ]
    return min((due for due in passes if due), default=None)


def _first_showing(
    expression: str, start: datetime, zone: ZoneInfo, *, fold: int, after: datetime
) -> datetime | None:
    """The first moment after ``after`` when the clock really shows a matching time."""
    for due in Crontab(expression, start):
        moment = due.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if moment > after and strip_zone(moment.astimezone(zone)) == due:
            return moment
    return None


def _is_fixed_time(expression: str) -> bool:
    minute, hour = expression.split()[-5:-3]
    return not minute.startswith("*") and not hour.startswith("*")


def _offset(local: datetime) -> timedelta:
    return local.utcoffset() or timedelta()


# Windows and quiet hours


def _next_drawn(
    window: Window, zone: ZoneInfo, after: datetime, opened: datetime, seed: str
) -> datetime | None:
    """The first drawn moment after ``after``.

    A window is drawn from as a whole, except the one that was open at ``opened``: of that, only
    what remained. One that a change of the clocks swallows is its first moment after the gap.
    """
    for day in _days(window, zone, after):
        start, end = _span(window, day, zone)
        first = start if start > opened else _whole_second_after(opened)
        if first >= end and first != start:
            continue
        drawn = first + _draw(seed, day.isoformat(), end - first)
        if drawn > after:
            return drawn
    return None


def _days(window: Window, zone: ZoneInfo, moment: datetime) -> Iterator[date]:
    """The days of windows, from before the one that ``moment`` may lie in."""
    midnight = datetime.combine(moment.astimezone(zone).date(), time())
    return (day.date() for day in Crontab(window.days, midnight - 2 * _DAY - SECOND))


def _span(hours: Window | Quiet, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end, in UTC, of the hours that begin on ``day``."""
    last = day + _DAY if hours.end <= hours.start else day
    start, end = datetime.combine(day, hours.start), datetime.combine(last, hours.end)
    return localise(start, zone), localise(end, zone)


def _whole_second_after(moment: datetime) -> datetime:
    return moment.replace(microsecond=0) + SECOND


def _quiet_span(schedule: Schedule, moment: datetime) -> tuple[datetime, datetime] | None:
    """Start and end of the quiet hours that ``moment`` lies in."""
    if schedule.quiet is None:
        return None
    zone = ZoneInfo(schedule.timezone)
    today = moment.astimezone(zone).date()
    for day in (today - _DAY, today):
        start, end = _span(schedule.quiet, day, zone)
        if start <= moment < end:
            return start, end
    return None
