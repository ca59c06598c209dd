"""Making and changing an agent: a form and its file, with what it would mean beside it."""

import re
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from lamplighter import clock
from lamplighter.access import agent_of, owner_of, short_name
from lamplighter.accounts import Caller
from lamplighter.definitions.agent import Problem
from lamplighter.definitions.catalogue import Entry
from lamplighter.definitions.forecast import runs_per_day
from lamplighter.engine.manual import request_trial
from lamplighter.errors import (
    Changed,
    Conflict,
    Forbidden,
    InvalidInput,
    LamplighterError,
    NotFound,
    Place,
)
from lamplighter.roster import Roster
from lamplighter.schedule import Schedule, describe, parse, upcoming
from lamplighter.store.agents import schedule_id_of
from lamplighter.store.runs import find_run
from lamplighter.store.versions import find_text
from lamplighter.web.api import agents as api
from lamplighter.web.api.agent_fields import Fields, NewAgent
from lamplighter.web.api.asking import ENABLED, Home, Writer, wake
from lamplighter.web.api.runs import RunId
from lamplighter.web.pages.beginnings import begin
from lamplighter.web.pages.budget import make_budget
from lamplighter.web.pages.capabilities import (
    explain_tools,
    offered_actions,
    offered_models,
    offered_tools,
)
from lamplighter.web.pages.draft_fields import (
    change_text,
    read_fields,
    schedules_of,
    show_schedule,
)
from lamplighter.web.pages.forms import Form, Sent
from lamplighter.web.pages.places import agent_url, run_url
from lamplighter.web.pages.rendering import go_to, render

router = APIRouter(include_in_schema=False, dependencies=[ENABLED])
NEXT = 5
"""Due moments that are shown of each schedule."""

LONGEST_NAME = 200
_ROOT = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Draft:
    """An agent that somebody is writing.

    Attributes:
        name: What it is, or would be, called.
        text: Its file.
        url: Of the agent that is changed; empty: a new one.
        seen: The version that the change was made from.
        owner: Whose it is, or would be; ``None``: the organisation's, or the only owner's.
        wrong: What is wrong, by field; under an empty one what concerns none.
        view: ``form``, or ``text``: its file.
        is_tried: Whether it is what was tried in a run, and not what is kept.
    """

    name: str
    text: str
    url: str = ""
    seen: str = ""
    owner: str | None = None
    wrong: dict[str, list[str]] = field(default_factory=dict)
    view: str = "form"
    is_tried: bool = False

    @property
    def whole_name(self) -> str:
        """What the agent is, or would be, known by."""
        name = self.name or "new"
        return agent_of(self.owner, name) if self.owner else name


@dataclass(frozen=True, slots=True)
class Moment:
    """A due moment of a schedule.

    Attributes:
        shift: How the clocks have changed since the one before; empty: not.
    """

    at: datetime
    local: str
    shift: str


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A schedule that somebody thinks about."""

    words: str
    timezone: str
    moments: Sequence[Moment]


@router.get("/agents/new")
def show_new(
    request: Request, caller: Writer, home: Home, like: str = "", tried: RunId = ""
) -> Response:
    """A form for a new agent; perhaps with what was tried in a run."""
    if tried:
        return _show(request, caller, home, _tried(home, caller, tried))
    found = begin(like, home.settings.sources)
    return _show(request, caller, home, Draft(found.name, found.text, owner=_owner(home, caller)))


@router.post("/agents/new")
def create_agent(request: Request, caller: Writer, home: Home, form: Sent) -> Response:
    """Make an agent."""
    draft = Draft(form.get("name").strip(), form.get("base"), owner=_owner(home, caller),
                  view=form.get("view"))  # fmt: skip
    try:
        draft = replace(draft, text=change_text(form))
        new = NewAgent(name=_named(draft.name), text=draft.text)
        if form.has("try"):
            entry = api.draft_agent(new, caller, home)
            home.refuse_twin(entry)
            return _try(request, caller, home, entry)
        view = api.create_agent(new, caller, home, Response())
    except (InvalidInput, Conflict, Forbidden) as error:
        return _show(request, caller, home, _blame(home, draft, error), error.status)
    name = view.name if view.owner is None else agent_of(view.owner, view.name)
    return _leave(request, home, name, "created")


@router.post("/agents/draft")
def show_draft(
    request: Request, caller: Writer, home: Home, form: Sent, first: bool = False
) -> Response:
    """What the agent would be, as it is written now; nothing is kept.

    At ``first`` the messages at the fields stay as the page has come with them.
    """
    draft = _read(form, home, caller)
    entry = _entry(home, draft)
    wrong = _blamed(entry) if not draft.wrong else draft.wrong
    return render(
        request,
        "_draft.html",
        wrong=wrong,
        fields_=() if first else FIELDS,
        rhythms=_rhythms(home, draft, wrong),
        budget=make_budget(home, entry.agent) if entry.agent and draft.url else None,
        per_day=runs_per_day(entry.agent, clock.now()) if entry.agent else 0,
        **_meaning(entry),
    )


@router.post("/agents/draft/turn")
def turn_draft(request: Request, caller: Writer, home: Home, form: Sent) -> Response:
    """The same agent as a form, or as its file."""
    draft = _read(form, home, caller)
    wanted = "form" if draft.view == "text" else "text"
    try:
        read_fields(draft.text)
    except InvalidInput as error:
        wanted, draft = "text", _blame(home, draft, error)
    return render(
        request, "_draft_fields.html", **_filled(home, caller, replace(draft, view=wanted))
    )


@router.get("/agents/{agent}/edit")
def show_edit(
    request: Request, agent: str, caller: Writer, home: Home, tried: RunId = ""
) -> Response:
    """A form with what an agent is now, or with what was tried in a run."""
    draft = _found(home, caller, agent)
    if tried:
        text = _tried(home, caller, tried).text
        draft = replace(draft, text=text, is_tried=True)
    return _show(request, caller, home, draft)


@router.post("/agents/{agent}/edit")
def change_agent(request: Request, agent: str, caller: Writer, home: Home, form: Sent) -> Response:
    """Change an agent."""
    draft = replace(_found(home, caller, agent), seen=form.get("seen"), view=form.get("view"))
    try:
        draft = replace(draft, text=change_text(form))
        if form.has("try"):
            is_org = draft.owner is None
            entry = home.draft(caller, draft.name, draft.text, of_organisation=is_org)
            return _try(request, caller, home, entry)
        fields = Fields(text=draft.text)
        api.change_agent(agent, fields, caller, home, Response(), draft.seen or None)
    except (InvalidInput, Conflict, Changed, Forbidden) as error:
        return _show(request, caller, home, _blame(home, draft, error), error.status)
    return _leave(request, home, home.find(caller, agent).name, "saved")


def _leave(request: Request, home: Roster, name: str, done: str) -> Response:
    return go_to(request, f"{agent_url(home, name)}?done={done}")


def _try(request: Request, caller: Caller, home: Roster, entry: Entry) -> Response:
    """To a run of what is written, which nobody keeps."""
    caller.require("run")
    run = request_trial(home.settings, home.engine, entry, by=caller.user)
    wake(home)
    return go_to(request, run_url(run.id))


def _tried(home: Roster, caller: Caller, run_id: str) -> Draft:
    """What was tried in a run, for whoever may change its agent."""
    run = find_run(home.engine, run_id, home.sight(caller))
    if not home.may_change(caller, run.agent):
        raise NotFound(f"no run {run_id!r}")
    text = find_text(home.engine, run.version)
    return Draft(short_name(run.agent), text, owner=owner_of(run.agent), is_tried=True)


def _found(home: Roster, caller: Caller, agent: str) -> Draft:
    entry = home.find(caller, agent)
    if not home.may_change(caller, entry.name):
        raise NotFound("there is no such page for you")
    return Draft(
        short_name(entry.name),
        entry.text,
        url=agent_url(home, entry.name),
        seen=home.version(entry),
        owner=owner_of(entry.name),
    )


def _read(form: Form, home: Roster, caller: Caller) -> Draft:
    """What the form says, even where that cannot be read."""
    if url := form.get("url"):
        known = _found(home, caller, unquote(url.rpartition("/")[2]))
        draft = replace(known, text=form.get("base"), seen=form.get("seen"), view=form.get("view"))
    else:
        name, owner = form.get("name").strip(), _owner(home, caller)
        draft = Draft(name, form.get("base"), owner=owner, view=form.get("view"))
    try:
        return replace(draft, text=change_text(form))
    except InvalidInput as error:
        return _blame(home, draft, error)


def _entry(home: Roster, draft: Draft) -> Entry:
    return home.parse(draft.whole_name, draft.text)


def _blame(home: Roster, draft: Draft, error: LamplighterError) -> Draft:
    """The draft with what is wrong in it, at the field if it has one."""
    wrong: dict[str, list[str]] = {}
    with suppress(InvalidInput):  # of which the error tells
        wrong = _blamed(_entry(home, draft))
    if isinstance(error, InvalidInput):
        place = _field(error.place.field, draft.view)
        said = Problem("error", error.message, error.place, error.hint)
        if not wrong.get(place):
            wrong.setdefault(place, []).append(_say(said))
    else:
        wrong.setdefault("" if draft.url else "name", []).append(str(error))
    return replace(draft, wrong=wrong)


def _blamed(entry: Entry) -> dict[str, list[str]]:
    wrong: dict[str, list[str]] = {}
    for problem in entry.errors:
        wrong.setdefault(_field(problem.place.field), []).append(_say(problem))
    return wrong


FIELDS = (
    "name", "description", "instructions", "schedule", "timezone", "model", "type", "tools",
    "sources", "actions", "effects", "email", "network", "limits", "message", "text", "",
)  # fmt: skip
"""Where messages can stand; what concerns no field stands at the top."""


def _field(place: str | None, view: str = "form") -> str:
    if view == "text":
        return "text"
    root = _ROOT.match(place or "")
    name = root[0] if root else ""
    name = "schedule" if name == "schedules" else name
    return name if name in FIELDS else ""


def _say(problem: Problem) -> str:
    line = f" (line {problem.place.line})" if problem.place.line else ""
    hint = f": {problem.hint}" if problem.hint else ""
    return f"{problem.message}{hint}{line}"


def _named(name: str) -> str:
    if not name:
        raise InvalidInput("it needs a name", place=Place(field="name"))
    if len(name) > LONGEST_NAME:
        hint = f"at most {LONGEST_NAME} characters"
        raise InvalidInput("the name is too long", place=Place(field="name"), hint=hint)
    return name


def _owner(home: Roster, caller: Caller) -> str | None:
    return caller.user if home.settings.team else None


# What is shown


def _show(
    request: Request, caller: Caller, home: Roster, draft: Draft, status: int = 200
) -> Response:
    return render(request, "draft.html", status, **_filled(home, caller, draft))


def _filled(home: Roster, caller: Caller, draft: Draft) -> dict[str, Any]:
    """All that the form shows."""
    try:
        fields = read_fields(draft.text)
    except InvalidInput:
        fields, draft = {}, replace(draft, view="text")
    tools, limits = fields.get("tools"), _mapping(fields.get("limits"))
    offered = offered_tools(home)
    known = {each.name for group in offered.values() for each in group}
    return {
        "draft": draft,
        "fields": _lenient(fields),
        "schedules": [show_schedule(each) for each in schedules_of(fields)],
        "offered": offered,
        "offered_actions": offered_actions(home) if caller.admin else [],
        "offered_sources": list(home.settings.sources),
        "offered_models": offered_models(home),
        "chosen_tools": tools if isinstance(tools, list) else None,
        "more_tools": [each for each in tools if each not in known]
        if isinstance(tools, list)
        else [],
        "tools_are_named": isinstance(tools, dict),
        "limits": _lenient(limits),
        "daily": _lenient(_mapping(limits.get("per_day"))),
        "hosts": _texts(fields.get("network"), "allow"),
        "email_to": _texts(fields.get("email"), "to"),
        "may_choose_type": caller.admin and not (home.settings.team and draft.url),
        "settings": home.settings,
    }


def _lenient(fields: dict[str, Any]) -> dict[str, Any]:
    """What a template may ask for anything."""
    return defaultdict(lambda: None, fields)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(field_: Any, key: str) -> list[str]:
    found = field_.get(key) if isinstance(field_, dict) else None
    return [str(each) for each in found] if isinstance(found, list) else []


def _meaning(entry: Entry) -> dict[str, Any]:
    """What the agent could do, and what there is to say about it."""
    agent = entry.agent
    return {
        "agent": agent,
        "can": explain_tools(agent.allowed_tools, network=bool(agent.network)) if agent else [],
        "warnings": [each for each in entry.problems if each.level == "warning"],
    }


def _rhythms(home: Roster, draft: Draft, wrong: dict[str, list[str]]) -> list[Rhythm]:
    """When its schedules would be due; what cannot be read is added to ``wrong``."""
    try:
        fields = read_fields(draft.text)
    except InvalidInput:
        return []
    zone = fields.get("timezone") or home.settings.timezone
    found = []
    for number, value in enumerate(schedules_of(fields), start=1):
        try:
            schedule = parse(value, timezone=str(zone))
        except InvalidInput as error:
            said = Problem("error", error.message, error.place, error.hint)
            if not wrong.get("schedule"):
                wrong["schedule"] = [_say(said)]
        else:
            found.append(_rhythm(schedule, schedule_id_of(draft.whole_name, number)))
    return found


def _rhythm(schedule: Schedule, seed: str) -> Rhythm:
    now = clock.now()
    zone = ZoneInfo(schedule.timezone)
    moments: list[Moment] = []
    before = now.astimezone(zone).utcoffset()
    for at in upcoming(schedule, now, anchor=now, seed=seed, count=NEXT):
        local = at.astimezone(zone)
        offset = local.utcoffset()
        shift = _shift(before, offset)
        moments.append(Moment(at, f"{local:%a %d %b %Y, %H:%M}", shift))
        before = offset
    return Rhythm(describe(schedule), schedule.timezone, moments)


def _shift(before: timedelta | None, after: timedelta | None) -> str:
    if before is None or after is None or before == after:
        return ""
    minutes = int((after - before).total_seconds() / 60)
    size = f"{abs(minutes) // 60} h" if minutes % 60 == 0 else f"{abs(minutes)} min"
    return f"clocks go {'forward' if minutes > 0 else 'back'} {size} before this"
