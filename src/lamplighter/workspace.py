"""A workspace on disk: where it is, its settings, its agent files."""

import os
import re
import stat
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from dotenv import dotenv_values, load_dotenv
from pydantic import AliasChoices, ValidationError
from pydantic_settings import SettingsError

from lamplighter.config import CONFIG_FILE, ENV_FILE, STATE_DIR, McpServer, Settings, WebSearch
from lamplighter.definitions.agent import ALL_TOOLS, Agent, Problem
from lamplighter.definitions.catalogue import (
    FOLDER,
    Catalogue,
    Entry,
    build_catalogue,
    fold_name,
)
from lamplighter.definitions.exposure import check_exposure
from lamplighter.definitions.markdown import MAX_SIZE_BYTES, refuse_size
from lamplighter.definitions.references import Known, check_references
from lamplighter.definitions.rowboat import (
    BRAVE_FILE,
    EXA_FILE,
    MODELS_FILE,
    SCHEDULE_FILE,
    SECURITY_FILE,
    SERVERS_FILE,
)
from lamplighter.definitions.rowboat.document import read_json
from lamplighter.definitions.rowboat.models import Models, read_models
from lamplighter.definitions.rowboat.schedules import Scheduled, apply_schedules, read_schedules
from lamplighter.definitions.rowboat.security import Security, read_security
from lamplighter.definitions.rowboat.servers import read_servers
from lamplighter.definitions.rowboat.tools import IN_TEAMS, TOOLS, UNAVAILABLE
from lamplighter.definitions.spelling import did_you_mean
from lamplighter.errors import InvalidInput, InvalidSettings, NotFound, Place
from lamplighter.source_config import MISPLACED_SECRET

ENV_NAME = "LAMPLIGHTER_WORKSPACE"
ROWBOAT_NAME = "ROWBOAT_WORKDIR"
ROWBOAT_FILES = (SCHEDULE_FILE, MODELS_FILE, SERVERS_FILE, SECURITY_FILE)
"""By one of which a folder is known as Rowboat's, whose agents are taken as they are."""


# Where it is


def find_workspace(start: Path | None, environ: Mapping[str, str]) -> Path:
    """The workspace's folder, absolute.

    It is ``start`` when given, else what ``LAMPLIGHTER_WORKSPACE`` or ``ROWBOAT_WORKDIR`` names,
    else the nearest folder from the current one upwards that has a ``lamplighter.toml`` or a
    ``.lamplighter``.

    Raises:
        NotFound: There is none.
    """
    named = start or environ.get(ENV_NAME) or environ.get(ROWBOAT_NAME)
    if named:
        folder = Path(named).expanduser().absolute()
        if not folder.is_dir():
            raise NotFound(f"there is no folder {named}; make it with: lamplighter init {named}")
        return folder
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / CONFIG_FILE).is_file() or (folder / STATE_DIR).is_dir():
            return folder
    raise NotFound(
        f"there is no workspace in {here} or above it; make one with: lamplighter init my-agents, "
        f"or name one with --workspace or {ENV_NAME}"
    )


# Its settings


def load_settings(workspace: Path, **overrides: Any) -> Settings:
    """The workspace's settings; ``overrides`` win over everything else.

    The workspace's ``.env`` goes into the environment of this process, where the libraries of
    model providers look for their keys; what the environment has already stays.

    Raises:
        InvalidSettings: A file cannot be read or a value is impossible; says which and where.
    """
    for name in (CONFIG_FILE, ENV_FILE):
        _check_readable(workspace, name)
    _check_toml(workspace)
    load_dotenv(workspace / ENV_FILE, override=False, encoding="utf-8")
    try:
        return Settings(workspace=workspace, **overrides)
    except ValidationError as error:
        raise _join([_explain(detail, workspace) for detail in error.errors()]) from error
    except SettingsError as error:  # a whole table in one environment variable
        raise InvalidSettings(str(error), hint=f"set it in {CONFIG_FILE}") from error


def unknown_keys(workspace: Path) -> list[Problem]:
    """Keys of ``lamplighter.toml`` and ``.env`` that mean nothing, most likely misspelt."""
    names = [name for field in Settings.model_fields for name in _names_of(field)]
    in_toml = {name for name in names if name.islower()} - {"workspace"}
    toml = tomllib.loads(_read_text(workspace / CONFIG_FILE))
    unknown = [
        _unknown_key(workspace, CONFIG_FILE, key, in_toml)
        for key in toml
        if key not in {*names, *Settings.model_fields}
    ]
    in_env = {name for name in names if name.isupper()} | {ENV_NAME}
    prefixes = tuple({f"{name.split('_')[0]}_" for name in in_env})
    return unknown + [
        _unknown_key(workspace, ENV_FILE, key, in_env)
        for key in dotenv_values(workspace / ENV_FILE)
        if key.startswith(prefixes) and key.upper() not in in_env
    ]


def _unknown_key(workspace: Path, file: str, key: str, known: Iterable[str]) -> Problem:
    line = _line_of(workspace / file, rf"(export\s+)?\[*{re.escape(key)}\b")
    message = f"{key!r} is no setting"
    return Problem("warning", message, Place(file, line, key), did_you_mean(key, known))


def _check_readable(workspace: Path, name: str) -> None:
    try:
        data = (workspace / name).read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        hint = "check its permissions"
        raise InvalidSettings(message, place=Place(name), hint=hint) from error
    problem = _undecodable(data, name)
    if problem:
        raise InvalidSettings(problem.message, place=problem.place, hint=problem.hint)


def _check_toml(workspace: Path) -> None:
    try:
        tomllib.loads(_read_text(workspace / CONFIG_FILE))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        place = Place(CONFIG_FILE, int(found[1]) if found else None)
        message = f"this is no TOML: {error}"
        raise InvalidSettings(message, place=place, hint="check its syntax") from error


def _explain(detail: Any, workspace: Path) -> InvalidSettings:
    """What pydantic says about one value, with the place where somebody wrote it."""
    names = _names_of(str(detail["loc"][0]))
    rest = [str(part) for part in detail["loc"][1:]]
    if names == ["sources"]:
        del rest[1:2]  # the type, by which pydantic chose the model
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not isinstance(detail["input"], dict) and detail["type"] != MISPLACED_SECRET:
        message = f"{message}, not {detail['input']!r}" if rest or names else message
    place = _place_of(names, rest, workspace)
    return InvalidSettings(message, place=place, hint="" if place.file else f"set by {names[0]}")


def _names_of(name: str) -> list[str]:
    """Everything that the setting ``name`` may be called."""
    for field, info in Settings.model_fields.items():
        alias = info.validation_alias
        names = [alias, field] if isinstance(alias, str) else [field]
        if isinstance(alias, AliasChoices):
            names = [str(each) for each in alias.choices]
        if name in (field, *names):
            return names
    return [name]


def _place_of(names: Sequence[str], rest: Sequence[str], workspace: Path) -> Place:
    environment = {name.upper() for name in os.environ}
    own = {name.upper() for name in dotenv_values(workspace / ENV_FILE)}
    path = [names[-1], *rest]
    for name in names:
        if name.upper() in environment & own:
            return Place(ENV_FILE, _line_of(workspace / ENV_FILE, rf"(export\s+)?{name}\s*="), name)
        if name.upper() in environment:
            return Place(None, None, name)
    table = re.escape(".".join(path[:-1]))
    header = _line_of(workspace / CONFIG_FILE, rf"\[{table}\]") if table else None
    line = _line_of(workspace / CONFIG_FILE, rf"{re.escape(path[-1])}\s*=", after=header or 0)
    found = line or header
    return Place(CONFIG_FILE if found else None, found, ".".join(path))


def _line_of(file: Path, pattern: str, *, after: int = 0) -> int | None:
    """The line, counted from 1, that begins with ``pattern``; only below the line ``after``."""
    lines = enumerate(_read_text(file).splitlines(), 1)
    begins = re.compile(rf"\s*{pattern}", re.IGNORECASE)
    return next((n for n, line in lines if n > after and begins.match(line)), None)


def _read_text(file: Path) -> str:
    return file.read_text("utf-8") if file.is_file() else ""


def _join(errors: Sequence[InvalidSettings]) -> InvalidSettings:
    if len(errors) == 1:
        return errors[0]
    listed = "".join(f"\n  {error}" for error in errors)
    return InvalidSettings(f"{len(errors)} settings are wrong:{listed}")


# Its agents


def read_catalogue(settings: Settings) -> Catalogue:
    """The agents in ``agents/**/*.md``, with what is wrong in them and in what they refer to.

    Whatever cannot be read becomes a problem of its own. Hidden files and folders are left out.
    Links to folders are not followed, and links to files only within the workspace.
    """
    scheduled, problems = _read_schedules(settings)
    catalogue = _read_files(settings, _list_files(settings.workspace), scheduled)
    return replace(catalogue, others=problems)


def read_entry(settings: Settings, name: str) -> Entry | None:
    """One agent as ``read_catalogue`` finds it; of other files beside it, the names are read."""
    wanted = fold_name(unicodedata.normalize("NFC", name))
    files = _find_files(settings.workspace / FOLDER, wanted)
    scheduled = [each for each in read_scheduled(settings) if fold_name(each.name) == wanted]
    return _read_files(settings, files, scheduled).find(name)


def check_agents(catalogue: Catalogue, settings: Settings) -> Catalogue:
    """The catalogue, with what is wrong in what its agents refer to, and in what they combine."""
    known = _know(catalogue, settings)

    def check(entry: Entry) -> Entry:
        if entry.agent is None:
            return entry
        found = (
            *check_references(entry.agent, file=entry.file, known=known),
            *check_exposure(entry.agent, file=entry.file, known=known),
        )
        return replace(entry, problems=(*entry.problems, *found))

    return replace(catalogue, entries=tuple(map(check, catalogue.entries)))


def _know(catalogue: Catalogue, settings: Settings) -> Known:
    missing, servers = missing_tools(settings), mcp_servers(settings)
    # Members of a team must not reach the server's own folder and programs.
    tools = (*ALL_TOOLS, *(IN_TEAMS if settings.team else TOOLS))
    rowboat = any((settings.workspace / name).is_file() for name in ROWBOAT_FILES)

    def find(name: str) -> Agent | None:
        entry = catalogue.find(name) or _read_alone(settings, name)
        return entry.agent if entry else None

    return Known(
        tools=[tool for tool in tools if tool not in missing],
        sources=settings.sources,
        agents=None if settings.team else cache(partial(_list_agents, settings.workspace)),
        servers=servers,
        unavailable={tool: why for tool, why in missing.items() if tool in tools}
        | ({} if settings.team else UNAVAILABLE),
        find=(lambda _name: None) if settings.team else find,
        fixes=lambda server, tool: server in servers and servers[server].fixes(tool),
        is_foreign=lambda agent: not settings.team and (rowboat or bool(agent.aliases)),
    )


def _read_alone(settings: Settings, name: str) -> Entry | None:
    """An agent of another file, unchecked."""
    workspace = settings.workspace.resolve()
    content = _read_agent_file(workspace / FOLDER / f"{name}.md", workspace)
    files = [] if content is None else [(f"{name}.md", content)]
    return build_catalogue(files, timezone=settings.timezone).find(name)


def _list_agents(workspace: Path) -> list[str]:
    return [file.removesuffix(".md") for file in _list_files(workspace)]


def write_agent_file(workspace: Path, name: str, text: str | None) -> None:
    """Write the file of an agent, whole or not at all; without a text, take it away.

    Raises:
        InvalidInput: A folder on the way is none, or leads out of the workspace.
    """
    file = workspace / FOLDER / f"{name}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_symlink() or not file.parent.resolve().is_relative_to(
        (workspace / FOLDER).resolve()
    ):
        raise InvalidInput(f"{file.name} is a link, or below one", hint="edit what it leads to")
    if text is None:
        file.unlink(missing_ok=True)
        return
    new = file.with_name(f".{file.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)


def _read_files(
    settings: Settings, files: Iterable[str], scheduled: Iterable[Scheduled]
) -> Catalogue:
    workspace = settings.workspace.resolve()
    top = workspace / FOLDER
    contents = (
        (file, content)
        for file in sorted(files)
        if (content := _read_agent_file(top / file, workspace)) is not None
    )
    catalogue = build_catalogue(contents, timezone=settings.timezone)
    return check_agents(apply_schedules(catalogue, scheduled), settings)


# A Rowboat folder's configuration: read when it is needed, so that a change counts at once


def is_rowboat(workspace: Path) -> bool:
    """Whether the folder schedules its agents as Rowboat does."""
    return (workspace / SCHEDULE_FILE).is_file()


def read_scheduled(settings: Settings) -> list[Scheduled]:
    """The entries of ``config/agent-schedule.json``."""
    return _read_schedules(settings)[0]


def model_providers(settings: Settings) -> Models:
    """What ``config/models.json`` says; ``lamplighter.toml`` wins."""
    found = read_models(_read_config(settings, MODELS_FILE), MODELS_FILE)
    return replace(found, providers={**found.providers, **settings.providers})


def mcp_servers(settings: Settings) -> dict[str, McpServer]:
    """The MCP servers of ``config/mcp.json`` and, winning, of ``lamplighter.toml``."""
    found, _problems = read_servers(_read_config(settings, SERVERS_FILE), SERVERS_FILE)
    return {**found, **settings.mcp}


def security(settings: Settings) -> Security:
    """What ``config/security.json`` allows; nothing if there is none."""
    return read_security(_read_config(settings, SECURITY_FILE), SECURITY_FILE)


def missing_tools(settings: Settings) -> dict[str, str]:
    """Built-in tools that the configuration leaves without anything to do, and why."""
    missing = {}
    if not security(settings).commands:
        missing["executeCommand"] = f"{SECURITY_FILE} allows no commands"
    if search_provider(settings) is None:
        missing["web-search"] = f"no provider: [web_search] in {CONFIG_FILE}, or {EXA_FILE}"
    return missing


def search_provider(settings: Settings) -> WebSearch | None:
    """Who searches the web: as the settings say, else as Rowboat's files do; ``None``: nobody."""
    if settings.web_search:
        return settings.web_search
    if key := _search_key(settings, EXA_FILE):
        return WebSearch(provider="exa", api_key=key)
    if key := _search_key(settings, BRAVE_FILE):
        return WebSearch(provider="brave", api_key=key)
    return None


def _search_key(settings: Settings, file: str) -> str:
    content = read_json(_read_config(settings, file), file).content
    key = content.get("apiKey") if isinstance(content, dict) else None
    return key if isinstance(key, str) else ""


def config_problems(settings: Settings) -> list[Problem]:
    """What is wrong in the files that the functions above read."""
    servers = read_servers(_read_config(settings, SERVERS_FILE), SERVERS_FILE)
    searching = [read_json(_read_config(settings, name), name) for name in (EXA_FILE, BRAVE_FILE)]
    return [
        *model_providers(settings).problems,
        *servers[1],
        *security(settings).problems,
        *(problem for document in searching for problem in document.problems),
    ]


def _read_schedules(settings: Settings) -> tuple[list[Scheduled], tuple[Problem, ...]]:
    text = _read_config(settings, SCHEDULE_FILE)
    return read_schedules(text, file=SCHEDULE_FILE, timezone=settings.timezone)


def _read_config(settings: Settings, name: str) -> str:
    """The text of a file of JSON; one that is absent says nothing, and so does an empty one."""
    try:
        data = (settings.workspace / name).read_bytes()
    except FileNotFoundError:
        return "{}"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"  # which is no JSON, and so is told
    return data.decode("utf-8", errors="replace") or "{}"


def _list_files(workspace: Path) -> Iterator[str]:
    """The paths of agent files below ``agents/``, and of what cannot be followed there."""
    top = workspace / FOLDER
    for folder, subfolders, names in os.walk(top):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        agents = [name for name in names if name.endswith(".md") and not name.startswith(".")]
        links = [name for name in subfolders if (Path(folder) / name).is_symlink()]
        inside = Path(folder).relative_to(top).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        yield from (f"{prefix}{name}" for name in [*agents, *links])


def _find_files(folder: Path, wanted: str) -> Iterator[str]:
    """As ``_list_files``: those of the agents whose folded names are ``wanted``."""
    part, _, rest = wanted.partition("/")
    try:
        names = [] if part.startswith(".") else os.listdir(folder)
    except OSError:
        return
    for name in _called(names, part if rest else f"{part}.md", part):
        path = folder / name
        if not path.is_dir() or path.is_symlink():
            if not rest and (name.endswith(".md") or path.is_dir()):
                yield name
        elif rest:
            yield from (f"{name}/{below}" for below in _find_files(path, rest))


def _called(names: Iterable[str], *folded: str) -> list[str]:
    """Those of many names that are one of these, or a twin; good names are normalised."""
    likely = [name for name in names if name.lower() in folded or not name.isascii()]
    return [
        name
        for name in likely
        if fold_name(name) in folded or fold_name(unicodedata.normalize("NFC", name)) in folded
    ]


def _read_agent_file(file: Path, workspace: Path) -> str | Problem | None:
    """The file's text, or why there is none; ``None`` when it has just gone.

    The workspace's own path has no links in it.
    """
    name = file.relative_to(workspace).as_posix()
    try:
        kind = file.stat().st_mode
        if stat.S_ISDIR(kind):
            return _problem(name, "links to folders are not followed", "move the folder here")
        if not os.path.realpath(file).startswith(f"{workspace}{os.sep}"):
            return _problem(name, "the link leads out of the workspace", "copy the file instead")
        if not stat.S_ISREG(kind):
            return _problem(name, "this is no ordinary file", "delete it, or rename it")
        with file.open("rb") as stream:
            data = stream.read(MAX_SIZE_BYTES + 1)
        if len(data) > MAX_SIZE_BYTES:
            refuse_size()
    except FileNotFoundError:
        return _problem(name, "the link leads nowhere", "delete it") if file.is_symlink() else None
    except OSError as error:
        return _problem(name, f"cannot be read: {error.strerror}", "check its permissions")
    except InvalidInput as error:
        return _problem(name, error.message, error.hint)
    return _undecodable(data, name) or data.decode("utf-8-sig")


def _undecodable(data: bytes, name: str) -> Problem | None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"the byte 0x{data[error.start]:02x} is no UTF-8"
        return Problem("error", message, Place(name, line), "save the file as UTF-8 text")
    return None


def _problem(name: str, message: str, hint: str) -> Problem:
    return Problem("error", message, Place(name), hint)
