"""A run: its steps, its record as a conversation, live; what came of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import Field

from lamplighter import clock
from lamplighter.access import short_name
from lamplighter.accounts import Caller
from lamplighter.errors import NotFound
from lamplighter.roster import Roster
from lamplighter.store.contents import iterate_content
from lamplighter.store.events import list_events
from lamplighter.store.outbox import State, find_effect, list_entries
from lamplighter.store.overview import find_rows
from lamplighter.store.runs import Run, find_run
from lamplighter.store.versions import is_kept
from lamplighter.web.api import runs as api
from lamplighter.web.api.asking import ENABLED, Home, Reader, Runner
from lamplighter.web.api.downloads import ANY, as_attachment
from lamplighter.web.lookout import Watched
from lamplighter.web.pages.outbox import Line, make_lines
from lamplighter.web.pages.places import agent_url, run_url
from lamplighter.web.pages.rendering import go_to, is_piece, render, render_text
from lamplighter.web.pages.timeline import Step, Timeline

router = APIRouter(include_in_schema=False, dependencies=[ENABLED])
View = Literal["steps", "transcript"]
Number = Annotated[int, Field(ge=0, le=1_000_000_000)]
After = Annotated[int, Query(ge=0, le=1_000_000_000)]
MANY = 10_000
"""Effects of one run."""

STAYING: tuple[State, ...] = ("held", "approved", "uncertain", "failed")
"""Of which somebody has to know."""


@router.get("/runs/{run_id}")
def show_run(
    request: Request, run_id: api.RunId, caller: Reader, home: Home, view: View = "steps"
) -> Response:
    """A run, with the step that matters most."""
    run = find_run(home.engine, run_id, home.sight(caller))
    timeline = Timeline.of(list_events(home.engine, run.id))
    return _show(request, caller, home, run, timeline, _telling(run, timeline), view)


@router.get("/runs/{run_id}/steps/{number}")
def show_step(
    request: Request, run_id: api.RunId, number: Number, caller: Reader, home: Home
) -> Response:
    """One step: within the run's page, or as a link that stays."""
    run = find_run(home.engine, run_id, home.sight(caller))
    timeline = Timeline.of(list_events(home.engine, run.id))
    step = timeline.steps.get(number)
    if step is None:
        raise NotFound(f"this run has no step {number}")
    if is_piece(request):
        return render(request, "_step_detail.html", **_step(run, timeline, step))
    return _show(request, caller, home, run, timeline, step, "steps")


@router.get("/runs/{run_id}/held")
def show_held(request: Request, run_id: api.RunId, caller: Reader, home: Home) -> Response:
    """What of a run waits for somebody, as it is now."""
    run = find_run(home.engine, run_id, home.sight(caller))
    lines = _waiting(home, caller, run)
    timeline = Timeline.of(list_events(home.engine, run.id))
    return render(request, "_held_now.html", **_head(home, run, timeline), lines=lines)


@router.get("/runs/{run_id}/live")
async def follow_run(  # noqa: PLR0913 - what a stream needs to go on
    request: Request,
    run_id: api.RunId,
    caller: Reader,
    home: Home,
    after: After = 0,
    view: View = "steps",
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> StreamingResponse:
    """What is new in a run, as pieces of its page; resumed after ``Last-Event-ID``."""
    run = await asyncio.to_thread(find_run, home.engine, run_id, home.sight(caller))
    after = max(after, api.read_number(last_event_id))
    pieces = _follow(request, caller, run.id, after, view)
    return StreamingResponse(pieces, media_type="text/event-stream")


@router.get("/runs/{run_id}/download")
def download_run(run_id: api.RunId, caller: Reader, home: Home) -> Response:
    """The whole record as JSON."""
    run = find_run(home.engine, run_id, home.sight(caller))
    events = api.list_run_events(run.id, caller, home)
    effects = api.list_run_effects(run.id, caller, home)
    record: dict[str, Any] = {
        "run": api.view_run(run).model_dump(mode="json"),
        "events": [event.model_dump(mode="json") for event in events],
        "effects": [{name: getattr(each, name) for name in each.__slots__} for each in effects],
    }
    content = json.dumps(record, indent=2, ensure_ascii=False, default=_iso)
    return Response(content, media_type="application/json", headers=as_attachment(f"{run.id}.json"))


@router.get("/runs/{run_id}/files/{effect}")
def download_file(run_id: api.RunId, effect: api.RunId, caller: Reader, home: Home) -> Response:
    """A file that the run has delivered, as it was delivered; never shown, only saved."""
    sight = home.sight(caller)
    run = find_run(home.engine, run_id, sight)
    entry = find_effect(home.engine, effect, sight)
    if entry.run_id != run.id or entry.kind != "file" or entry.state != "sent":
        raise NotFound("this run has delivered no such file")
    content = iterate_content(home.engine, run.id, entry.payload["sha256"])
    name = str(entry.payload["path"]).rpartition("/")[2]
    return StreamingResponse(content, media_type=ANY, headers=as_attachment(name))


@router.post("/runs/{run_id}/cancel")
def cancel_run(request: Request, run_id: api.RunId, caller: Runner, home: Home) -> Response:
    """Ask for the run's end."""
    return go_to(request, run_url(api.cancel_run(run_id, caller, home).id))


@router.post("/runs/{run_id}/again")
def repeat_run(request: Request, run_id: api.RunId, caller: Runner, home: Home) -> Response:
    """Start another run like this one."""
    return go_to(request, run_url(api.retry_run(run_id, caller, home).id))


def _show(  # noqa: PLR0913 - all that is on the page
    request: Request,
    caller: Caller,
    home: Roster,
    run: Run,
    timeline: Timeline,
    chosen: Step | None,
    view: View,
) -> Response:
    return render(
        request,
        "run.html",
        **(_step(run, timeline, chosen) | _head(home, run, timeline) | _home_of(home, run)),
        view=view,
        last=timeline.last,
        steps=list(timeline.steps.values()),
        may_change=home.may_change(caller, run.agent),
        lines=_waiting(home, caller, run),
        asked=next((each.gist for each in timeline.steps.values() if each.kind == "asked"), ""),
    )


def _head(home: Roster, run: Run, timeline: Timeline) -> dict[str, Any]:
    """What stands above the steps, and changes while they come."""
    return {
        "run": run,
        "effects": list_entries(home.engine, run_id=run.id, limit=MANY)[::-1],
        "span": _span(run),
        "attempt": timeline.attempt,
        "now": clock.now(),
    }


def _home_of(home: Roster, run: Run) -> dict[str, Any]:
    """Where the run's agent is, and where what was tried in it can be written on."""
    exists = bool(find_rows(home.engine, [run.agent]))
    url = agent_url(home, run.agent) if exists else ""
    is_trial = run.dry_run and not is_kept(home.engine, run.agent, run.version)
    form = f"{url}/edit" if exists else "/agents/new"
    return {
        "agent": short_name(run.agent),
        "agent_url": url,
        "form_url": f"{form}?tried={run.id}" if is_trial else "",
    }


def _waiting(home: Roster, caller: Caller, run: Run) -> list[Line]:
    """What of the run's effects somebody has to look at."""
    found = [
        entry
        for state in STAYING
        for entry in list_entries(home.engine, run_id=run.id, state=state, limit=MANY)
    ]
    return make_lines(home, caller, sorted(found, key=lambda entry: entry.id))


def _step(run: Run, timeline: Timeline, chosen: Step | None) -> dict[str, Any]:
    """A step with its neighbours; for a request to a model, with what it was told and called."""
    known = list(timeline.steps.values())
    at = known.index(chosen) if chosen else 0
    told: list[Step] = []
    for step in reversed(known[:at]):
        if step.kind == "model":
            break
        if step.kind in ("tool", "asked"):
            told.insert(0, step)
    return {
        "run": run,
        "chosen": chosen,
        "before": known[at - 1] if chosen and at else None,
        "after": known[at + 1] if chosen and at + 1 < len(known) else None,
        "told": told if chosen and chosen.kind == "model" else [],
        "started_at": run.started_at or run.created_at,
    }


def _telling(run: Run, timeline: Timeline) -> Step | None:
    """The step that tells most of an ended run: why it failed, or how it ended."""
    if not run.ended:
        return None
    known = list(timeline.steps.values())
    failed = [step for step in known if step.state == "failed" and step.kind != "end"]
    if run.status == "failed" and failed:
        return failed[-1]
    return known[-1] if known else None


def _span(run: Run) -> int:
    """Milliseconds from the run's start to its end or to now, and at least one."""
    return max(int((run.duration_seconds or 0) * 1000), 1)


async def _follow(
    request: Request, caller: Caller, run_id: str, after: int, view: View
) -> AsyncIterator[str]:
    last = None
    async for watched, new in request.app.state.lookout.follow(caller, run_id, after):
        last = watched
        if not new:
            yield api.BEAT
            continue
        first, until = new[0].seq, new[-1].seq
        text = watched.memo.get((view, first, until))
        if text is None:
            text = await asyncio.to_thread(_tell, request, watched, first - 1, until, view)
            watched.memo[view, first, until] = text
        yield text
    if last and last.over and last.run:  # its ending is written after its last event
        until = len(last.record)
        yield await asyncio.to_thread(_tell, request, last, until, until, view)
        yield "event: end\ndata: over\n\n"


def _tell(request: Request, watched: Watched, after: int, until: int, view: View) -> str:
    """What has changed by the events after one and until another, as a message of its number.

    The record may be longer by now; what is beyond is the next message's.
    """
    assert watched.run is not None
    timeline = Timeline.of(watched.record[:after])
    known = set(timeline.steps)
    changed = {
        step.seq: step for event in watched.record[after:until] if (step := timeline.add(event))
    }
    text = render_text(
        request,
        "_live.html",
        **_head(request.app.state.roster, watched.run, timeline),
        started_at=watched.run.started_at or watched.run.created_at,
        view=view,
        new=[step for seq, step in changed.items() if seq not in known],
        altered=[step for seq, step in changed.items() if seq in known],
        chosen=None,
    )
    lines = "".join(f"data: {line}\n" for line in text.replace("\r", "").split("\n"))
    return f"id: {timeline.last}\n{lines}\n"


def _iso(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
