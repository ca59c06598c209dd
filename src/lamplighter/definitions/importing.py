"""Neighbours' formats -> agent files of ours. Pure: text in, text out.

What is carried arrives disabled, with a report of what was carried and what was not; nothing that
was meant to hold the agent back is dropped in silence.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lamplighter.definitions.frontmatter import read_document
from lamplighter.definitions.safety import is_safety_key
from lamplighter.errors import InvalidInput, InvalidSchedule
from lamplighter.schedule import describe, parse

CLAUDE_TOOLS = {
    "Read": ("workspace-readFile",),
    "Write": ("workspace-writeFile",),
    "Edit": ("workspace-edit",),
    "MultiEdit": ("workspace-edit",),
    "Glob": ("workspace-glob",),
    "Grep": ("workspace-grep",),
    "LS": ("workspace-readdir",),
    "Bash": ("executeCommand",),
    "WebFetch": ("fetch-url",),
    "WebSearch": ("web-search",),
}
"""Tools of Claude's agents, and those here that do the same."""

UNSAFE_KEYS = ("disallowedTools", "permissionMode", "hooks", "sandbox")


@dataclass(frozen=True, slots=True)
class Imported:
    """One agent to be.

    Attributes:
        name: What it is to be called.
        text: The file.
        carried: What stands in the file.
        lost: What does not, and why.
    """

    name: str
    text: str
    carried: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(slots=True)
class _Draft:
    """An agent file in the making."""

    name: str
    instructions: str
    fields: dict[str, Any] = field(default_factory=dict)
    carried: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def carry(self, key: str, value: Any, words: str = "") -> None:
        if value not in (None, "", [], ()):
            self.fields[key] = value
            self.carried.append(f"{key}: {words or value}")

    def lose(self, key: str, why: str) -> None:
        self.lost.append(f"{key}: {why}")

    def lose_rest(self, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
        for key in given:
            if key not in known:
                why = "nothing here does the same"
                if is_safety_key(key) or key in UNSAFE_KEYS:
                    why = "nothing here does the same, and it was a safeguard: see to it yourself"
                self.lose(key, why)

    def schedule(self, given: object, timezone: str | None = None) -> None:
        try:
            read = parse(given, timezone=timezone or "UTC")
        except InvalidSchedule as error:
            self.lose("schedule", str(error))
        else:
            self.carry("schedule", given, describe(read) if timezone else "")
            self.carry("timezone", timezone)

    def finish(self) -> Imported:
        if not self.instructions.strip():
            raise InvalidInput(f"{self.name} has no instructions")
        fields = {**self.fields, "enabled": False}
        stream = StringIO()
        yaml = YAML()
        yaml.default_flow_style = None
        yaml.width = 1000
        yaml.dump(fields, stream)
        text = f"---\n{stream.getvalue()}---\n{self.instructions.strip()}\n"
        return Imported(self.name, text, tuple(self.carried), tuple(self.lost))


def import_agents(text: str, path: str) -> list[Imported]:
    """The agents in a file of a neighbour; its kind is told from its path and its content.

    Args:
        text: The whole file.
        path: With ``/`` between its parts.

    Raises:
        InvalidInput: It is of no known kind.
    """
    name = path.rpartition("/")[2]
    read = _reader_of(name, path)
    found = list(read(text, path))
    if not found:
        raise InvalidInput(f"there is no agent in {path}")
    return [draft.finish() for draft in found]


def _reader_of(name: str, path: str) -> Callable[[str, str], Iterator[_Draft]]:
    if name == "SKILL.md":
        return _read_skill
    if name.endswith(".md"):
        return _read_claude
    if name.endswith((".yaml", ".yml")):
        return _read_goose
    if name.endswith(".json"):
        return _read_jobs
    hint = "Claude's agents (.md), SKILL.md, goose recipes (.yaml) and cron jobs (.json) are read"
    raise InvalidInput(f"{path} is of no known kind", hint=hint)


def _read_claude(text: str, path: str) -> Iterator[_Draft]:
    """A subagent of Claude Code, or one of its scheduled tasks."""
    document = read_document(text)
    given = {key: value.plain() for key, value in document.fields.items()}
    draft = _Draft(_slug(str(given.get("name") or _stem(path))), document.body)
    draft.carry("description", given.get("description"))
    _carry_model(draft, given.get("model"))
    if "tools" in given:
        _carry_tools(draft, given["tools"])
    timing = given.get("schedule") or given.get("cron") or given.get("cronExpression")
    if timing:
        draft.schedule(timing, given.get("timezone"))
    known = ("name", "description", "model", "tools", "schedule", "cron", "cronExpression",
             "timezone")  # fmt: skip
    draft.lose_rest(given, known)
    yield draft


def _read_skill(text: str, path: str) -> Iterator[_Draft]:
    """An Agent Skill: what it says becomes what an agent does."""
    document = read_document(text)
    given = {key: value.plain() for key, value in document.fields.items()}
    folder = path.split("/")[-2] if "/" in path else "skill"
    draft = _Draft(_slug(str(given.get("name") or folder)), document.body)
    draft.carry("description", given.get("description"))
    tools = given.get("allowed-tools") or given.get("tools")
    if tools:
        _carry_tools(draft, tools)
    draft.lose_rest(given, ("name", "description", "allowed-tools", "tools", "license", "metadata"))
    yield draft


def _read_goose(text: str, path: str) -> Iterator[_Draft]:
    """A recipe of goose."""
    try:
        given = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise InvalidInput(f"{path} is no YAML: {error}") from error
    recipe = given.get("recipe", given) if isinstance(given, dict) else {}
    if not isinstance(recipe, dict) or not (recipe.get("instructions") or recipe.get("prompt")):
        raise InvalidInput(f"{path} is no recipe: it has neither instructions nor a prompt")
    draft = _Draft(
        _slug(str(recipe.get("title") or _stem(path))),
        str(recipe.get("instructions") or recipe.get("prompt")),
    )
    draft.carry("description", recipe.get("description"))
    if recipe.get("instructions"):
        draft.carry("message", recipe.get("prompt"))
    settings = recipe.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    provider, model = settings.get("goose_provider"), settings.get("goose_model")
    draft.carry("model", f"{provider}:{model}" if provider and model else model)
    if isinstance(turns := settings.get("max_turns"), int):
        draft.carry("limits", {"iterations": turns})
    for extension in recipe.get("extensions") or ():
        named = extension.get("name") if isinstance(extension, dict) else extension
        why = "name its tools one by one, as mcp:SERVER/TOOL, after adding it to config/mcp.json"
        draft.lose(f"extension {named}", why)
    if "{{" in draft.instructions:
        draft.lose("parameters", "the instructions hold {{...}}: put the values in their place")
    known = ("version", "title", "description", "instructions", "prompt", "settings", "extensions",
             "parameters", "author", "activities")  # fmt: skip
    draft.lose_rest(recipe, known)
    yield draft


def _read_jobs(text: str, path: str) -> Iterator[_Draft]:
    """Cron jobs of Hermes or OpenClaw."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{path} is no JSON: {error}") from error
    jobs = content.get("jobs") if isinstance(content, dict) else content
    if isinstance(jobs, dict):
        jobs = [{"name": name, **job} for name, job in jobs.items() if isinstance(job, dict)]
    for job in jobs if isinstance(jobs, list) else ():
        if isinstance(job, dict):
            yield _read_job(job)


def _read_job(job: Mapping[str, Any]) -> _Draft:
    payload = job.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    prompt = job.get("prompt") or payload.get("message") or payload.get("text") or ""
    draft = _Draft(_slug(str(job.get("name") or job.get("id") or "job")), str(prompt))
    draft.carry("description", job.get("description"))
    _carry_model(draft, job.get("model") or payload.get("model"))
    _carry_timing(draft, job.get("schedule"))
    seconds = payload.get("timeoutSeconds")
    if isinstance(seconds, int) and seconds > 0:
        draft.carry("limits", {"timeout": seconds})
    for key in ("deliver", "delivery", "origin"):
        if job.get(key):
            draft.lose(key, "results stay with the run; let the agent deliver them")
    if job.get("skills") or job.get("skill"):
        draft.lose("skills", "copy them into skills/ and give the agent loadSkill")
    known = ("name", "id", "description", "prompt", "payload", "model", "schedule", "enabled",
             "deliver", "delivery", "origin", "skills", "skill", "state", "createdAtMs",
             "updatedAtMs", "created_at", "next_run_at", "last_run_at", "last_status",
             "schedule_display", "agentId")  # fmt: skip
    draft.lose_rest(job, known)
    kept = ("kind", "message", "text", "model", "timeoutSeconds")
    draft.lose_rest({f"payload.{k}": v for k, v in payload.items() if k not in kept}, ())
    return draft


def _carry_timing(draft: _Draft, given: Any) -> None:
    match given:
        case str() | int():
            draft.schedule(given)
        case {"kind": "cron", "expr": str(expression)}:
            draft.schedule(expression, given.get("tz"))
        case {"kind": "every" | "interval", "everyMs": int(milliseconds)}:
            draft.schedule(f"every {max(milliseconds // 1000, 1)} seconds")
        case {"kind": "interval", "minutes": int(minutes)}:
            draft.schedule(f"every {minutes} minutes")
        case {"kind": "at" | "once", **rest}:
            draft.schedule(str(rest.get("at") or rest.get("run_at") or rest.get("atMs")))
        case _:
            draft.lose("schedule", "it is of a kind that is not known here")


def _carry_model(draft: _Draft, model: object) -> None:
    if model in ("inherit", None, ""):
        return
    if isinstance(model, str) and model in ("sonnet", "opus", "haiku"):
        draft.lose("model", f"{model!r} names a family; choose a model, such as anthropic:...")
    elif isinstance(model, str):
        draft.carry("model", model.replace("/", ":", 1) if ":" not in model else model)


def _carry_tools(draft: _Draft, given: object) -> None:
    """As many as have a counterpart; none at all if none has, rather than the usual ones."""
    if isinstance(given, str):
        given = [each for each in re.split(r"\s*,\s*|\s+(?![^(]*\))", given.strip()) if each]
    names = [str(each) for each in given] if isinstance(given, list) else []
    tools: list[str] = []
    for name in names:
        bare, _, pattern = name.partition("(")
        if pattern:
            draft.lose(f"tool {name}", "only whole tools can be allowed here")
        elif server := re.fullmatch(r"mcp__(.+?)__(.+)", bare):
            tools.append(f"mcp:{server[1]}/{server[2]}")
        elif bare in CLAUDE_TOOLS:
            tools += [each for each in CLAUDE_TOOLS[bare] if each not in tools]
        else:
            draft.lose(f"tool {name}", "there is none like it here")
    draft.fields["tools"] = tools
    draft.carried.append(f"tools: {', '.join(tools) or 'none'}")


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _slug(name: str) -> str:
    """A name that every file system and every shell takes as it is."""
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")[:60] or "imported"
