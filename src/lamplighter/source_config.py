"""What ``lamplighter.toml`` may say of a source: one model for each type. Pure."""

import re
from datetime import date
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from lamplighter.access import Access

ENVIRONMENT = "env:"
"""How a secret says that it stands in a variable of the environment, or in ``.env``."""

MINUTE = 60.0
MISPLACED_SECRET = "misplaced_secret"  # noqa: S105 - the name of an error
"""The type of the error about a value that must not be repeated, not even to say it is wrong."""

MISPLACED = (
    "a secret does not belong into this file; write env:NAME and put it into .env, or leave it out"
    " and use: lamplighter source login"
)


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    import pytimeparse2

    found = pytimeparse2.parse(value.removeprefix("every "), raise_exception=False)
    if found is None:
        raise ValueError("give a duration, such as 15m or 2 hours")
    return float(found)


def _reference(value: str) -> str:
    if not re.fullmatch(f"{ENVIRONMENT}[A-Za-z_][A-Za-z0-9_]*", value):
        raise PydanticCustomError(MISPLACED_SECRET, MISPLACED)
    return value


def _text(value: object) -> object:
    if isinstance(value, str) and re.match(r"[^/]*://[^/@]*:[^/@]*@", value):
        raise PydanticCustomError(MISPLACED_SECRET, MISPLACED)
    return str(value) if isinstance(value, PurePath) else value


Duration = Annotated[float, BeforeValidator(_seconds), Field(ge=1)]
"""Seconds; written as ``15m`` or ``2 hours``."""

Secret = Annotated[str, AfterValidator(_reference)]
"""``env:NAME``; without it, the secret is in the store, encrypted."""

Location = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
"""A path, relative to the workspace, or a URL."""


Url = Annotated[str, BeforeValidator(_text)]


class AccessRule(BaseModel):
    """Who may see something, beside the owner of a personal workspace.

    Attributes:
        public: Everybody who may use the source.
        users: E-mail addresses.
        groups: Names of groups, or domains such as ``x.org``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    public: bool = False
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def as_access(self) -> Access:
        """The rule as an access list."""
        return Access(public=self.public, users=self.users, groups=self.groups)


class OAuth2(BaseModel):
    """An application that may sign in for its user (RFC 6749).

    Attributes:
        provider: ``google`` or ``microsoft`` fill in the addresses.
        client_id: Of the application, as registered with the provider.
        client_secret: Where the provider gives one.
        authorize_url: Where its user agrees.
        token_url: Where access tokens come from.
        scope: What is asked for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Literal["google", "microsoft", ""] = ""
    client_id: str
    client_secret: Secret | None = None
    authorize_url: str = ""
    token_url: str = ""
    scope: str = ""


class SourceConfig(BaseModel):
    """What all sources have in common.

    Attributes:
        type: Which connector reads it.
        every: How often it is read, in seconds.
        owner: The member whose source it is. Such a source reaches no local path, no program
            and no private address, and only its owner sees its documents unless ``access`` is
            given. Empty: it is an admin's.
        access: Who may see its documents, where the source itself does not say it.
        expires: The day on which its password or token stops working; a notice comes before it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str
    every: Duration = 15 * MINUTE
    expires: date | None = None
    owner: str = ""
    access: AccessRule | None = None

    @property
    def default_access(self) -> Access:
        """Who may see what the connector gives no access list for."""
        if self.access is not None:
            return self.access.as_access()
        return Access(users=(self.owner,)) if self.owner else Access()

    @property
    def target(self) -> str:
        """What it reads, in a few words for people."""
        return ""


class FilesSource(SourceConfig):
    """A folder of documents: on this machine, or wherever fsspec reaches.

    Attributes:
        path: The folder, relative to the workspace, a zip file, or a URL such as ``s3://b/docs``.
        include: Glob patterns of the files to read; empty means all that can be read.
        exclude: Glob patterns of files to leave out.
        options: What fsspec's file system takes; values may be ``env:NAME``.
        folders: Who may see what matches a glob pattern; the last one that matches counts.
    """

    type: Literal["files"] = "files"
    path: Location
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_file_size_bytes: int = Field(default=20_000_000, gt=0)
    options: dict[str, Any] = Field(default_factory=dict)
    folders: dict[str, AccessRule] = Field(default_factory=dict)

    @property
    def target(self) -> str:
        """The path."""
        return self.path


class MailSource(SourceConfig):
    """A mailbox: an IMAP account, an mbox file or a Maildir.

    Attributes:
        host: Of the IMAP server.
        security: ``none`` only ever reaches this machine.
        user: Whose account it is; sees its documents if it is an address.
        oauth2: Sign in by an access token (XOAUTH2) instead of a password.
        path: An mbox file or a Maildir, in place of ``host``.
        include: Glob patterns of mail folders; empty means all but junk, bin and drafts.
        exclude: Glob patterns of mail folders to leave out.
    """

    type: Literal["mail"]
    host: str = ""
    port: int = Field(default=0, ge=0, le=65535)
    security: Literal["tls", "starttls", "none"] = "tls"
    user: str = ""
    password: Secret | None = None
    oauth2: OAuth2 | None = None
    path: Location = Field(default="", min_length=0)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_message_size_bytes: int = Field(default=20_000_000, gt=0)

    @model_validator(mode="after")
    def _one_place(self) -> "MailSource":
        if bool(self.host) == bool(self.path):
            raise ValueError("give either host, for IMAP, or path, for an mbox file or a Maildir")
        return self

    @property
    def default_access(self) -> Access:
        """The account's owner, unless ``access`` says something else."""
        if self.access is None and not self.owner and "@" in self.user:
            return Access(users=(self.user,))
        return super().default_access

    @property
    def target(self) -> str:
        """The account or the path."""
        return self.path or f"{self.user} on {self.host}"


class CalendarSource(SourceConfig):
    """Calendars: on a CalDAV server, as an ICS feed, or as ICS files.

    Attributes:
        url: Of a CalDAV server, account or calendar, or of an ICS file (``.ics``).
        path: An ICS file, or a folder of them, in place of ``url``.
        past_days: Of repeating events, occurrences from so long ago.
        future_days: Of repeating events, occurrences up to so far ahead.
    """

    type: Literal["calendar"]
    url: Url = ""
    path: Location = Field(default="", min_length=0)
    user: str = ""
    password: Secret | None = None
    oauth2: OAuth2 | None = None
    past_days: int = Field(default=30, ge=0, le=3660)
    future_days: int = Field(default=90, ge=0, le=3660)

    @model_validator(mode="after")
    def _one_place(self) -> "CalendarSource":
        if bool(self.url) == bool(self.path):
            raise ValueError("give either url, of a server or ICS feed, or path, of ICS files")
        return self

    @property
    def target(self) -> str:
        """The URL or the path."""
        return self.url or self.path


class FeedsSource(SourceConfig):
    """RSS and Atom feeds.

    Attributes:
        urls: Of the feeds.
    """

    type: Literal["feeds"]
    urls: tuple[Url, ...] = Field(min_length=1)

    @property
    def target(self) -> str:
        """The first feed, and how many more there are."""
        more = len(self.urls) - 1
        return f"{self.urls[0]} and {more} more" if more else self.urls[0]


class SlackSource(SourceConfig):
    """A Slack workspace, by its Web API or as an export.

    Attributes:
        path: The zip file of an export, in place of a token.
        channels: Names of the channels to read; empty means all that the token's owner is in.
        history_days: How far back the first sync goes, and edits are noticed for a week.
        api_url: Of the Web API.
    """

    type: Literal["slack"]
    token: Secret | None = None
    path: Location = Field(default="", min_length=0)
    channels: tuple[str, ...] = ()
    history_days: int = Field(default=365, gt=0)
    api_url: str = "https://slack.com/api/"

    @property
    def target(self) -> str:
        """The export, or which channels."""
        return self.path or ", ".join(self.channels) or "all channels"


class JiraSource(SourceConfig):
    """Issues of a Jira, by its REST API or as a JSON export.

    Attributes:
        url: Of the site.
        user: The e-mail address that an API token belongs to; without it, a personal token.
        jql: Which issues; may not order them.
        path: A JSON file of issues as the REST API gives them, in place of ``url``.
    """

    type: Literal["jira"]
    url: Url = ""
    user: str = ""
    token: Secret | None = None
    jql: str = ""
    path: Location = Field(default="", min_length=0)

    @model_validator(mode="after")
    def _one_place(self) -> "JiraSource":
        if bool(self.url) == bool(self.path):
            raise ValueError("give either url, of a Jira site, or path, of a JSON export")
        return self

    @property
    def target(self) -> str:
        """The site or the path."""
        return self.url or self.path


class GithubSource(SourceConfig):
    """Issues and pull requests of GitHub repositories, by the API or as a JSON dump.

    Attributes:
        repositories: Such as ``owner/name``.
        path: A JSON file of issues as the API gives them, in place of ``repositories``.
        api_url: Of the API; that of a GitHub Enterprise ends in ``/api/v3``.
    """

    type: Literal["github"]
    repositories: tuple[str, ...] = ()
    token: Secret | None = None
    path: Location = Field(default="", min_length=0)
    api_url: str = "https://api.github.com"

    @model_validator(mode="after")
    def _one_place(self) -> "GithubSource":
        if bool(self.repositories) == bool(self.path):
            raise ValueError("give either repositories, or path, of a JSON dump")
        return self

    @property
    def target(self) -> str:
        """The repositories or the path."""
        return ", ".join(self.repositories) or self.path


class RowboatSource(SourceConfig):
    """What Rowboat has synced.

    Attributes:
        path: The folder that holds ``gmail_sync`` and ``calendar_sync``.
    """

    type: Literal["rowboat_sync"]
    path: Location = "~/.rowboat"

    @property
    def target(self) -> str:
        """The path."""
        return self.path


class McpSource(SourceConfig):
    """The resources of an MCP server.

    Attributes:
        command: The program to start, for a server that speaks over stdio.
        args: Its arguments.
        env: Its environment; values may be ``env:NAME``.
        url: Of a server that speaks HTTP, in place of ``command``.
        token: A bearer token for it.
    """

    type: Literal["mcp"]
    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    url: Url = ""
    token: Secret | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "McpSource":
        if bool(self.command) == bool(self.url):
            raise ValueError("give either command, for a program, or url")
        return self

    @property
    def target(self) -> str:
        """The URL or the command."""
        return self.url or " ".join((self.command, *self.args))


class OtherSource(SourceConfig):
    """A source whose connector another package brings; it checks the rest itself."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @property
    def options(self) -> dict[str, Any]:
        """What the connector knows the meaning of."""
        return dict(self.model_extra or {})


def is_local(config: SourceConfig) -> bool:
    """Whether it reads files of a machine, or starts a program there."""
    path = getattr(config, "path", "")
    if not path:
        return bool(getattr(config, "command", ""))
    protocol = path.rpartition("::")[2].partition("://")
    return not protocol[1] or protocol[0] in ("file", "local")


TYPES: dict[str, type[SourceConfig]] = {
    "files": FilesSource,
    "mail": MailSource,
    "calendar": CalendarSource,
    "feeds": FeedsSource,
    "slack": SlackSource,
    "jira": JiraSource,
    "github": GithubSource,
    "rowboat_sync": RowboatSource,
    "mcp": McpSource,
}
"""The types that are built in."""


def _type_of(value: Any) -> str:
    kind = value.get("type", "files") if isinstance(value, dict) else getattr(value, "type", None)
    return kind if kind in TYPES else "other"


Source = Annotated[
    Annotated[FilesSource, Tag("files")]
    | Annotated[MailSource, Tag("mail")]
    | Annotated[CalendarSource, Tag("calendar")]
    | Annotated[FeedsSource, Tag("feeds")]
    | Annotated[SlackSource, Tag("slack")]
    | Annotated[JiraSource, Tag("jira")]
    | Annotated[GithubSource, Tag("github")]
    | Annotated[RowboatSource, Tag("rowboat_sync")]
    | Annotated[McpSource, Tag("mcp")]
    | Annotated[OtherSource, Tag("other")],
    Discriminator(_type_of),
]
"""One table ``[sources.NAME]``."""
