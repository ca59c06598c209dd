"""The roster: which agents there are, who may see and change them, and where they live.

In a personal workspace the files are the truth: a change rewrites the file, and the database
follows. In a team the database is; a user's agents are known by ``USER/NAME``, so that everybody
names theirs as they like, and the organisation's by their name alone.
"""

import hashlib
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lamplighter import clock
from lamplighter.access import agent_of, may_call, owner_of, short_name
from lamplighter.accounts import Caller
from lamplighter.definitions.agent import ORG_ONLY_TOOLS, Agent
from lamplighter.definitions.catalogue import FOLDER, Catalogue, Entry, name_agent
from lamplighter.definitions.hosts import AllowedHost, read_host
from lamplighter.definitions.markdown import MAX_SIZE_BYTES, read_agent, refuse_size
from lamplighter.definitions.spelling import hint_at
from lamplighter.definitions.tool import refer
from lamplighter.definitions.writing import write_fields
from lamplighter.errors import Changed, Conflict, Forbidden, InvalidInput, NotFound
from lamplighter.store.agents import delete_agent, save_entry, version_of
from lamplighter.store.audit import note
from lamplighter.store.database import decide_alone
from lamplighter.store.runs import cancel_active
from lamplighter.store.sight import EVERYTHING, Sight
from lamplighter.store.versions import list_names, read_texts, shared_histories
from lamplighter.workspace import (
    check_agents,
    mcp_servers,
    read_catalogue,
    read_entry,
    write_agent_file,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from lamplighter.config import Settings

SCRIPTED = "scripted:"


def id_of(name: str) -> str:
    """What an agent is called in URLs, where a slash would be in the way."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Roster:
    """The agents of one workspace."""

    settings: "Settings"
    engine: "Engine"

    def read(self, user: str | None = None) -> Catalogue:
        """All agents; or those of a user, and of the organisation."""
        if not self.settings.team:
            return read_catalogue(self.settings)
        names = [
            name
            for name in list_names(self.engine)
            if user is None or owner_of(name) in (None, user)
        ]
        texts = read_texts(self.engine, names)
        return Catalogue(tuple(self._read_entry(name, texts[name]) for name in names))

    def find(self, caller: Caller | None, called: str) -> Entry:
        """The agent called so: by its id, its whole name, or what its owner calls it.

        Raises:
            NotFound: There is none.
        """
        called = unicodedata.normalize("NFC", called)
        if not self.settings.team and (entry := read_entry(self.settings, called)):
            return entry
        return self._load(_choose(self._names(), caller, called))

    def may_change(self, caller: Caller, name: str) -> bool:
        """Whether somebody may change and start an agent that they see."""
        return not self.settings.team or owner_of(name) == caller.user or self._rules(caller, name)

    def may_see_runs(self, caller: Caller, name: str) -> bool:
        """Whether an agent's runs are for this caller's eyes."""
        return self.sight(caller).admits(name)

    def reachable(self, person: Caller | None, agent: Agent) -> tuple[AllowedHost, ...]:
        """The hosts that an agent's commands may reach for somebody, in a chat or as its owner.

        A run of the organisation's is nobody's.

        Raises:
            InvalidInput: ``[team] network`` has something that is no host.
        """
        team = self.settings.team
        if team is None or person is None or person.admin:
            return agent.network
        allowed = {read_host(host) for host in team.network}
        return tuple(host for host in agent.network if _is_within(host, allowed))

    def sight(self, caller: Caller) -> Sight:
        """Which agents' runs and notices are for this caller's eyes."""
        if not self.settings.team:
            return EVERYTHING
        return Sight(caller.user, caller.admin, frozenset(shared_histories(self.engine)))

    def recall(self, name: str, text: str) -> Entry:
        """What a text says that the database has, for lists: what it refers to is not looked at."""
        return _read_text(name, text, self.settings.timezone)

    # Changes

    def parse(self, name: str, text: str) -> Entry:
        """What this text says; with what is wrong in it, and whoever it is for."""
        return self._read_entry(name, text)

    def draft(
        self, caller: Caller, name: str, text: str, *, of_organisation: bool = False
    ) -> Entry:
        """The agent that this text would be, if the caller may make it.

        Raises:
            InvalidInput: There is an error in the name or the text.
            Forbidden: It is more than the caller may have.
        """
        if len(text.encode(errors="replace")) > MAX_SIZE_BYTES:
            refuse_size()
        short = name_agent(name)
        if self.settings.team:
            name = short if of_organisation else agent_of(caller.user, short)
        else:
            name = short
        entry = self._read_entry(name, text)
        if entry.agent is None or entry.errors:
            problem = entry.errors[0]
            raise InvalidInput(problem.message, place=problem.place, hint=problem.hint)
        self._check_rights(caller, entry.agent)
        return entry

    def create(self, caller: Caller, entry: Entry) -> Entry:
        """Keep a new agent that ``draft`` has made.

        Raises:
            Conflict: The caller has an agent of this name already.
        """
        with self.engine.begin() as connection:
            decide_alone(connection)
            self.refuse_twin(entry)
            self._write(connection, caller, entry, "agent.create")
        return entry

    def refuse_twin(self, entry: Entry) -> None:
        """See whether a new agent can have its name.

        Raises:
            Conflict: There is one of this name already.
        """
        if entry.name.casefold() in (name.casefold() for name in self._names()):
            raise Conflict(f"there is an agent {short_name(entry.name)!r} already")

    def change(self, caller: Caller, old: Entry, text: str, *, seen: str | None = None) -> Entry:
        """Give an agent another text.

        Args:
            caller: Who changes it.
            old: The agent as it was found.
            text: The new text.
            seen: The version that the change was made from, if the caller says so.

        Raises:
            InvalidInput: There is an error in the text.
            Forbidden: The caller may not change this agent, or not like that.
            Changed: It is no longer what the caller has seen.
        """
        self._require_change(caller, old.name)
        new = self.draft(
            caller, short_name(old.name), text, of_organisation=owner_of(old.name) is None
        )
        with self.engine.begin() as connection:
            decide_alone(connection)
            self._refuse_stale(caller, old, seen)
            self._write(connection, caller, new, "agent.update")
        return new

    def apply(self, caller: Caller, name: str, text: str) -> str:
        """Make the caller's agent of this name say ``text``; ``made``, ``changed`` or ``same``.

        Raises:
            InvalidInput: There is an error in the name or the text.
            Forbidden: It is more than the caller may have.
        """
        agent = self._read_entry(name, text).agent
        of_organisation = agent is not None and agent.type == "org"
        new = self.draft(caller, name, text, of_organisation=of_organisation)
        if new.name not in self._names():
            self.create(caller, new)
            return "made"
        old = self.find(caller, new.name)
        if old.text == text:
            return "same"
        self.change(caller, old, text)
        return "changed"

    def delete(self, caller: Caller, entry: Entry, *, seen: str | None = None) -> None:
        """Take an agent away; its active runs end, its history stays.

        Raises:
            Forbidden: The caller may not.
            Changed: It is no longer what the caller has seen.
        """
        self._require_change(caller, entry.name)
        now = clock.now()
        with self.engine.begin() as connection:
            decide_alone(connection)
            self._refuse_stale(caller, entry, seen)
            cancel_active(connection, entry.name, now)
            delete_agent(connection, entry.name)
            note(connection, caller.user, "agent.delete", entry.name, now=now)
            if not self.settings.team:
                write_agent_file(self.settings.workspace, entry.name, None)

    def edit(self, caller: Caller, old: Entry, fields: Mapping[str, Any]) -> str:
        """The text of an agent with some of its fields changed.

        Raises:
            InvalidInput: Its text cannot be read as it is.
            Forbidden: It would become the organisation's, or cease to be.
        """
        if "type" in fields and self.settings.team:
            wanted = fields["type"] or "user"
            if wanted != ("user" if owner_of(old.name) else "org"):
                raise Forbidden("an agent stays what it is, user or org; make another one")
        return write_fields(old.text, fields)

    def promote(self, caller: Caller, old: Entry) -> Entry:
        """Let the effects of an agent happen from now on; of those before, nothing happens.

        Raises:
            Conflict: They do already.
            Forbidden: The agent is not the caller's.
        """
        if old.agent is None or old.agent.effects == "send":
            raise Conflict(f"the effects of {short_name(old.name)} are not held back")
        return self.change(caller, old, self.edit(caller, old, {"effects": "send"}))

    def version(self, entry: Entry) -> str:
        """What the agent's text is known by."""
        return version_of(entry, self.settings.timezone)

    def _require_change(self, caller: Caller, name: str) -> None:
        if not self.may_change(caller, name):
            raise Forbidden("only admins may change or start agents of the organisation")

    def _rules(self, caller: Caller, name: str) -> bool:
        return caller.admin and owner_of(name) is None

    def _names(self) -> list[str]:
        if self.settings.team:
            return list_names(self.engine)
        return [entry.name for entry in read_catalogue(self.settings).entries]

    def _load(self, name: str) -> Entry:
        if not self.settings.team:
            return next(each for each in read_catalogue(self.settings).entries if each.name == name)
        texts = read_texts(self.engine, [name])
        if name not in texts:
            raise NotFound(f"there is no agent {name!r} any more")
        return self._read_entry(name, texts[name])

    def _read_entry(self, name: str, text: str) -> Entry:
        entry = self.recall(name, text)
        return check_agents(Catalogue((entry,)), self.settings).entries[0]

    def _check_rights(self, caller: Caller, agent: Agent) -> None:
        if forbidden := agent.type == "user" and set(agent.tools or ()) & set(ORG_ONLY_TOOLS):
            names = ", ".join(sorted(forbidden))
            raise InvalidInput(f"{names} is for agents of the organisation only")
        if not self.settings.team:
            return
        if agent.type != ("user" if owner_of(agent.name) else "org"):
            raise Forbidden("the text says another type than the agent has")
        if caller.admin:
            return
        if agent.type == "org":
            raise Forbidden("only admins make agents of the organisation")
        if agent.model and agent.model.startswith(SCRIPTED):
            raise Forbidden("only admins use scripted models")
        if beyond := set(agent.network) - set(self.reachable(caller, agent)):
            raise Forbidden(
                f"only admins may allow commands to reach {', '.join(sorted(map(str, beyond)))}; "
                "others what [team] network lists"
            )
        for tool in agent.tools or ():
            self._check_right_to(caller, tool)

    def _check_right_to(self, caller: Caller, tool: str) -> None:
        """See whether somebody's agents may call an agent, or a tool of an MCP server."""
        kind, name, server = refer(tool)
        if kind == "agent" and agent_of(caller.user, name) not in (names := self._names()):
            if owner_of(name) not in (None, caller.user):
                raise Forbidden("agents of somebody else cannot be called")
            if name in names and not may_call(caller.user, name, admin=caller.admin):
                raise Forbidden(f"only agents of admins call agents of the organisation: {name}")
        if kind == "mcp":
            known = mcp_servers(self.settings).get(server)
            if known is None or not known.members:
                raise Forbidden(f"the MCP server {server!r} is not for agents of members")

    def _refuse_stale(self, caller: Caller, old: Entry, seen: str | None) -> None:
        if seen is None:
            return
        if self.version(self.find(caller, old.name)) != seen:
            raise Changed(f"{short_name(old.name)} has been changed meanwhile; read it again")

    def _write(self, connection: "Connection", caller: Caller, entry: Entry, action: str) -> None:
        now = clock.now()
        version = save_entry(connection, entry, self.settings.timezone, now, author=caller.user)
        note(connection, caller.user, action, entry.name, now=now, detail={"version": version})
        if not self.settings.team:  # in this transaction, so that a watcher finds nothing new
            write_agent_file(self.settings.workspace, entry.name, entry.text)


def _is_within(host: AllowedHost, allowed: Collection[AllowedHost]) -> bool:
    """Whether all that an entry admits is admitted by one of these."""
    return any(
        host == each
        or (each.with_subdomains and each.port == host.port and host.name.endswith(f".{each.name}"))
        for each in allowed
    )


def _read_text(name: str, text: str, timezone: str) -> Entry:
    file = f"{FOLDER}/{name}.md"
    agent, problems = read_agent(text, name=name, file=file, timezone=timezone)
    return Entry(name, file, agent, problems, text)


def _choose(names: Sequence[str], caller: Caller | None, called: str) -> str:
    """Which of these is meant; the caller's own comes first."""
    mine = agent_of(caller.user, called) if caller else called
    for name in (mine, called):
        if name in names:
            return name
    by_id = {id_of(name): name for name in names}
    if called not in by_id:
        own = [name for name in names if owner_of(name) in (None, caller and caller.user)]
        hint = hint_at(called, [short_name(name) for name in own], "Agents")
        raise NotFound(f"there is no agent {called!r}; {hint}")
    return by_id[called]
