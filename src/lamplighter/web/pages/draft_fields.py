"""An agent's file as the fields of a form, and back. Pure.

The form changes only what somebody changes: comments, order and keys that it does not know stay.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lamplighter.definitions.agent import DEFAULT_TOOLS
from lamplighter.definitions.frontmatter import read_document
from lamplighter.definitions.writing import BODY, write_fields
from lamplighter.errors import InvalidInput, Place
from lamplighter.web.pages.forms import Form

PLAIN = ("description", "model", "timezone", "message", BODY)
BOUNDS = ("iterations", "timeout", "input_tokens", "output_tokens", "cost")
_DECIMAL = re.compile(r"[0-9]+\.[0-9]+")
DAILY = ("tool_calls", "time", "input_tokens", "output_tokens", "cost")
"""Limits that the form has, of a run and of a day; others stay as the file has them."""


def read_fields(text: str) -> dict[str, Any]:
    """What the file says, by key, as ordinary data; ``instructions`` is its body.

    Raises:
        InvalidInput: Its head cannot be read.
    """
    document = read_document(text)
    return {key: value.plain() for key, value in document.fields.items()} | {BODY: document.body}


def change_text(form: Form) -> str:
    """The file that a form describes.

    Raises:
        InvalidInput: The file that it began with cannot be read, or a mapping in a field.
    """
    if form.get("view") == "text":
        return form.get("text")
    base = form.get("base")
    old = read_fields(base)
    new = {
        **{name: form.get(name).strip() or None for name in PLAIN if form.has(name)},
        **_schedules(form, old),
        **_lists(form, old),
        **_limits(form, old),
    }
    if form.has("type"):
        new["type"] = "org" if form.get("type") == "org" else None
    if form.has("effects"):
        new["effects"] = form.get("effects")
    if form.has("email_to"):
        new["email"] = _email(form, old)
    if form.has("may_disable"):
        new["enabled"] = None if form.has("enabled") else False
    return write_fields(
        base, {key: new[key] for key in new if _differs(key, old.get(key), new[key])}
    )


def schedules_of(fields: dict[str, Any]) -> list[Any]:
    """The schedules that a file names, one or several."""
    found = fields.get("schedules", fields.get("schedule"))
    several = found if isinstance(found, list) else [found]
    return [each for each in several if each not in (None, "")]


def show_schedule(value: Any) -> str:
    """A schedule as a text of one line."""
    return str(value) if not isinstance(value, dict) else _flow(value)


def _differs(key: str, old: Any, new: Any) -> bool:
    usual = {"type": "user", "enabled": True, "effects": "send"}.get(key)
    return (usual if old is None else old) != (usual if new is None else new)


def _email(form: Form, old: dict[str, Any]) -> dict[str, Any] | None:
    before = old.get("email")
    to = form.get("email_to").split()
    return {**(before if isinstance(before, dict) else {}), "to": to} if to else None


def _schedules(form: Form, old: dict[str, Any]) -> dict[str, Any]:
    if not form.has("schedule"):
        return {}
    new = [_read_schedule(text) for text in form.all("schedule") if text.strip()]
    if [show_schedule(each) for each in schedules_of(old)] == [show_schedule(each) for each in new]:
        return {}
    if len(new) > 1:
        return {"schedule": None, "schedules": new}
    return {"schedule": new[0] if new else None, "schedules": None}


def _read_schedule(text: str) -> Any:
    text = text.strip()
    if not text.startswith("{"):
        return text
    try:
        return read_fields(f"---\nschedule: {text}\n---\n")["schedule"]
    except InvalidInput as error:
        place = Place(field="schedule")
        raise InvalidInput(error.message, place=place, hint=error.hint) from error


def _lists(form: Form, old: dict[str, Any]) -> dict[str, Any]:
    """Tools, sources and actions; an unnamed list stays unnamed while it says the usual."""
    new: dict[str, Any] = {}
    if form.has("tools_shown"):
        usual = list(DEFAULT_TOOLS)
        new["tools"] = _chosen(
            form.all("tool") + form.get("more_tools").split(), old, "tools", usual
        )
    if form.has("sources_shown"):
        all_ = form.has("all_sources") and form.get("type") == "org"
        new["sources"] = None if all_ else _chosen(form.all("source"), old, "sources", [])
        if form.get("type") == "org" and not all_ and new["sources"] is None:
            new["sources"] = []  # of an org agent, none named means all
    if form.has("actions_shown"):
        new["actions"] = _chosen(form.all("action"), old, "actions", [])
    if form.has("network"):
        hosts = form.get("network").split()
        new["network"] = {"allow": hosts} if hosts else None
    return new


def _chosen(
    names: Sequence[str], old: dict[str, Any], key: str, usual: list[str]
) -> list[str] | None:
    before = old.get(key)
    new = list(dict.fromkeys(names))
    if before is None and set(new) == set(usual):
        return None
    if isinstance(before, list) and set(before) == set(new):
        return before  # in the order in which they stand
    return new


def _limits(form: Form, old: dict[str, Any]) -> dict[str, Any]:
    before = _mapping(old.get("limits"))
    limits = before | _bounds(form, "limit_", BOUNDS)
    if any(form.has(f"day_{name}") for name in DAILY):
        daily = _mapping(before.get("per_day")) | _bounds(form, "day_", DAILY)
        limits["per_day"] = {name: value for name, value in daily.items() if value is not None}
        limits["per_day"] = limits["per_day"] or None
    limits = {name: value for name, value in limits.items() if value is not None}
    return {} if _as_said(limits) == _as_said(before) else {"limits": limits or None}


def _bounds(form: Form, prefix: str, names: Sequence[str]) -> dict[str, float | str | None]:
    """What the form says of these limits; ``None``: nothing."""
    given = {name: form.get(prefix + name).strip() for name in names if form.has(prefix + name)}
    return {name: _number(text) for name, text in given.items()}


def _number(text: str) -> float | str | None:
    """Numbers as numbers, other texts as they are; ``None``: nothing."""
    if text.isdecimal():
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text or None


def _as_said(limits: Mapping[str, Any]) -> dict[str, Any]:
    """Limits as texts, in which 0.5 and "0.5" are the same."""
    return {
        name: _as_said(value) if isinstance(value, dict) else str(value)
        for name, value in limits.items()
    }


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _flow(value: dict[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = True
    yaml.width = 10_000
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().strip()
