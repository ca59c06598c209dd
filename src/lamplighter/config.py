"""Settings, read once: flags > environment > ``.env`` > ``lamplighter.toml`` > default."""

from collections.abc import Mapping
from decimal import Decimal
from email.utils import formataddr, parseaddr
from functools import cached_property
from ipaddress import ip_network
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lamplighter.addresses import read_address
from lamplighter.allowance import MICRO, Allowance
from lamplighter.errors import InvalidInput
from lamplighter.source_config import Source

CONFIG_FILE = "lamplighter.toml"
EMBEDDERS = ("wordllama", "minilm", "none")
ENV_FILE = ".env"
KEY_FILE = "key"
STATE_DIR = ".lamplighter"
ROWBOAT_ITERATIONS = 100
"""Rowboat bounds its agents by time only."""


Flavor = Literal[
    "openai", "anthropic", "google", "openrouter", "aigateway", "ollama", "openai-compatible"
]


class Provider(BaseModel):
    """A provider of models, used as ``NAME:model`` in agent files.

    Attributes:
        base_url: Such as ``http://localhost:8000/v1``; what is OpenAI-compatible needs one.
        api_key: ``env:NAME`` reads the key from the environment or ``.env``.
        flavor: What it understands.
        headers: Sent with each request; values may be ``env:NAME``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str | None = None
    api_key: str | None = None
    flavor: Flavor = "openai-compatible"
    headers: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_address(self) -> Self:
        if self.flavor == "openai-compatible" and not self.base_url:
            raise ValueError("needs a base URL, such as http://localhost:8000/v1")
        return self


class McpServer(BaseModel):
    """A server of tools: a program that speaks MCP on its standard streams, or an address.

    Attributes:
        command: The program.
        args: Its arguments.
        env: Further variables of its environment, which is otherwise almost empty; values may be
            ``env:NAME``.
        url: The address, of the streamable HTTP transport.
        headers: Sent with each request; values may be ``env:NAME``.
        tools: Names of its tools that ``executeMcpTool`` may call. Agents name others one by one.
        fixed: Names of its tools of which no argument decides who learns of a call, or ``*`` for
            all; agents may call them after they have read what strangers wrote.
        members: Whether, in a team, agents of those who are no admins may call it, too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    url: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    tools: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    members: bool = False

    def fixes(self, tool: str) -> bool:
        """Whether no argument of a tool decides who learns of a call."""
        return "*" in self.fixed or tool in self.fixed

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("a server has either a command or a url")
        return self


class WebSearch(BaseModel):
    """Who searches the web for ``web-search``.

    Attributes:
        api_key: ``env:NAME`` reads it from the environment or ``.env``.
        base_url: Another address than the provider's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Literal["exa", "brave"]
    api_key: str = Field(min_length=1)
    base_url: str | None = None


class Budget(BaseModel):
    """What may be used; what is left out is not bounded.

    Attributes:
        iterations: Model requests.
        time: Wall time, in seconds.
        cost: In US dollars, by the models' prices.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    iterations: int | None = Field(default=None, ge=0)
    tool_calls: int | None = Field(default=None, ge=0)
    time: float | None = Field(default=None, ge=0)
    input_tokens: int | None = Field(default=None, ge=0)
    output_tokens: int | None = Field(default=None, ge=0)
    cost: Decimal | None = Field(default=None, ge=0)

    @property
    def allowance(self) -> Allowance:
        """The same in the units that everything else has."""
        return Allowance(
            self.iterations,
            self.tool_calls,
            self.time,
            self.input_tokens,
            self.output_tokens,
            None if self.cost is None else ceil(self.cost * MICRO),
        )


class Budgets(BaseModel):
    """Bounds that no agent's file can widen.

    Attributes:
        run: Of each run.
        agent_day: Of all runs of one agent that begin on one day in its zone.
        day: Of all runs that begin on one day in the workspace's zone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Budget = Budget()
    agent_day: Budget = Budget()
    day: Budget = Budget()


class Price(BaseModel):
    """What a model costs, in US dollars per million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)


class EmailAccount(BaseModel):
    """What e-mails are sent by.

    Attributes:
        sender: Whom they are from: an address, or ``Name <address>``.
        provider: ``smtp``, or Resend's HTTP API.
        host: The SMTP server.
        port: 465 by default, or 587 with STARTTLS.
        security: ``tls`` from the first byte, ``starttls`` (required, not just wished), or
            ``none``; by default as the port has it.
        username: Values may be ``env:NAME``.
        ca_file: A certificate authority (PEM) that counts besides those that the system knows.
        api_key: Resend's; ``env:NAME`` reads it from the environment or ``.env``.
        url: Of the provider's API.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    sender: str = Field(alias="from")
    provider: Literal["smtp", "resend"] = "smtp"
    host: str = ""
    port: int = Field(0, ge=0, le=65535)
    security: Literal["tls", "starttls", "none"] | None = None
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    api_key: str | None = None
    url: str = "https://api.resend.com"

    @property
    def where(self) -> str:
        """The server, for people."""
        return f"{self.host}:{self.port}"

    @field_validator("sender")
    @classmethod
    def _is_address(cls, sender: str) -> str:
        name, address = parseaddr(sender)
        try:
            address = read_address(address)
        except InvalidInput as error:
            raise ValueError(error.message) from error
        if not sender.isprintable():
            raise ValueError("from is one line")
        return formataddr((name, address))

    @field_validator("ca_file")
    @classmethod
    def _is_absolute(cls, file: Path | None) -> Path | None:
        if file is not None and not file.expanduser().is_absolute():
            raise ValueError("give the whole path")
        return file and file.expanduser()

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        """Port and security follow from each other."""
        if not isinstance(given, dict):
            return given
        security, port = given.get("security"), given.get("port")
        if security is None:
            security = "tls" if port in (None, 465) else "starttls"
        usual = {"tls": 465, "starttls": 587}.get(security, 25)
        return {**given, "security": security, "port": port or usual}

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.provider == "resend" and not self.api_key:
            raise ValueError("resend needs an api_key, such as env:RESEND_API_KEY")
        if self.provider == "smtp" and not self.host:
            raise ValueError("smtp needs a host")
        if self.security == "none" and self.password:
            raise ValueError("a password is not sent without encryption; leave security out")
        return self


class Oidc(BaseModel):
    """Where people of a team sign in besides: an OpenID provider.

    Attributes:
        issuer: Such as ``https://login.example.org``.
        client_secret: ``env:NAME`` reads it from the environment or ``.env``.
        name: What the button says.
        creates_users: Whether somebody whom the provider knows becomes a member by signing in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str
    client_id: str
    client_secret: str
    name: str = "single sign-on"
    creates_users: bool = False


class Team(BaseModel):
    """A workspace of several people, who sign in.

    Attributes:
        url: Where they reach it, such as ``https://agents.example.org``.
        session_days: After how many days they have to sign in again.
        network: The hosts that commands of members' agents may reach; those of admins may reach
            what their agents' files say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = None
    session_days: float = Field(default=14.0, gt=0, le=365)
    oidc: Oidc | None = None
    network: tuple[str, ...] = ()


class _Documented(EnvSettingsSource):
    """Of the environment only what is documented: ``HOST`` and ``TEAM`` are other programs'."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        names = set()
        for field in self.settings_cls.model_fields.values():
            alias = field.validation_alias
            choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
            names |= {name.casefold() for name in map(str, choices) if name.isupper()}
        found = super()._load_env_vars()
        return {name: value for name, value in found.items() if name.casefold() in names}


class _Environment(_Documented):
    """What is set."""


class _EnvFile(_Documented, DotEnvSettingsSource):
    """What stands in ``.env``."""


def _setting(default: Any, *names: str, **constraints: Any) -> Any:
    return Field(default, validation_alias=AliasChoices(*names), **constraints)


def _table(name: str) -> Any:
    """A setting that is a table of ``lamplighter.toml``, or JSON in the environment."""
    return Field(None, validation_alias=name)


def _defaults_of(folder: Path) -> dict[str, Any]:
    """A Rowboat folder's agents fire without further ado, and work until they are done."""
    if (folder / "config" / "agent-schedule.json").is_file():
        return {"agents_enabled": True, "max_iterations": ROWBOAT_ITERATIONS}
    return {}


class Settings(BaseSettings):
    """Everything that can be set, frozen. One per process."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    workspace: Path
    agents_enabled: bool = _setting(False, "AGENTS_ENABLED", "agents_enabled")
    scheduler_poll_interval: float = _setting(
        30.0, "AGENT_SCHEDULER_POLL_INTERVAL", "scheduler_poll_interval", gt=0
    )
    max_concurrent_runs: int = _setting(3, "AGENT_MAX_CONCURRENT_RUNS", "max_concurrent_runs", ge=1)
    max_iterations: int = _setting(15, "AGENT_MAX_ITERATIONS", "max_iterations", ge=1)
    run_timeout_seconds: float = _setting(1800.0, "AGENT_RUN_TIMEOUT", "run_timeout", gt=0)
    run_max_attempts: int = _setting(3, "AGENT_RUN_MAX_ATTEMPTS", "run_max_attempts", ge=1)
    run_backoff_seconds: Annotated[tuple[float, ...], NoDecode] = _setting(
        (30.0, 120.0, 300.0), "AGENT_RUN_BACKOFF_SECONDS", "run_backoff_seconds"
    )
    context_tokens: int | None = _setting(None, "AGENT_CONTEXT_TOKENS", "context_tokens", ge=1000)
    max_output_tokens: int = _setting(4096, "AGENT_MAX_OUTPUT_TOKENS", "max_output_tokens", ge=256)
    run_retention_days: float = _setting(
        90.0, "AGENT_RUN_RETENTION_DAYS", "run_retention_days", ge=0
    )
    run_retention_count: int = _setting(
        1000, "AGENT_RUN_RETENTION_COUNT", "run_retention_count", ge=0
    )
    pause_after_failures: int = _setting(
        5, "AGENT_PAUSE_AFTER_FAILURES", "pause_after_failures", ge=0
    )
    rowboat_write_runs: bool = _setting(False, "ROWBOAT_WRITE_RUNS", "rowboat_write_runs")
    timezone: str = _setting("", "LAMPLIGHTER_TIMEZONE", "timezone")
    model: str | None = _setting(None, "LAMPLIGHTER_MODEL", "model")
    model_override: str | None = _setting(None, "LAMPLIGHTER_MODEL_OVERRIDE")
    local_model_path: str | None = _setting(None, "LOCAL_MODEL_PATH", "local_model_path")
    sandbox: Literal["auto", "bubblewrap", "container", "off"] = _setting(
        "auto", "LAMPLIGHTER_SANDBOX", "sandbox"
    )
    sandbox_image: str = _setting("", "SANDBOX_IMAGE", "sandbox_image")
    sandbox_engine: str = _setting("", "SANDBOX_ENGINE", "sandbox_engine")
    sandbox_command_seconds: float = _setting(
        30.0, "SANDBOX_COMMAND_TIMEOUT", "sandbox_command_timeout", gt=0
    )
    sandbox_memory_mb: int = _setting(512, "SANDBOX_MEMORY_MB", "sandbox_memory_mb", ge=64)
    sandbox_processes: int = _setting(64, "SANDBOX_PROCESSES", "sandbox_processes", ge=4)
    sandbox_disk_mb: int = _setting(256, "SANDBOX_DISK_MB", "sandbox_disk_mb", ge=1)
    sandbox_output_kb: int = _setting(100, "SANDBOX_OUTPUT_KB", "sandbox_output_kb", ge=1)
    host: str = _setting("127.0.0.1", "LAMPLIGHTER_HOST", "host")
    port: int = _setting(8321, "LAMPLIGHTER_PORT", "port", ge=0, le=65535)
    database_url: str | None = _setting(None, "LAMPLIGHTER_DATABASE_URL", "database_url")
    key_file: Path | None = _setting(None, "LAMPLIGHTER_KEY_FILE", "key_file")
    internal_networks: tuple[str, ...] = _setting((), "internal_networks")
    embedder: str = _setting("wordllama", "LAMPLIGHTER_EMBEDDER", "embedder")
    search_fusion: Literal["scores", "ranks"] = _setting(
        "scores", "LAMPLIGHTER_SEARCH_FUSION", "search_fusion"
    )
    search_vector_weight: float = _setting(
        0.2, "LAMPLIGHTER_SEARCH_VECTOR_WEIGHT", "search_vector_weight", ge=0, le=1
    )
    sources: dict[str, Source] = Field(default_factory=dict)
    providers: dict[str, Provider] = Field(default_factory=dict)
    budgets: Budgets = Budgets()
    prices: dict[str, Price] = Field(default_factory=dict)
    email: EmailAccount | None = _table("LAMPLIGHTER_EMAIL")
    team: Team | None = None
    mcp: dict[str, McpServer] = Field(default_factory=dict)
    web_search: WebSearch | None = None

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, url: str | None) -> str | None:
        if not url:
            return None
        scheme, _, rest = url.partition("://")
        if scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
            raise ValueError("use postgresql://..., or leave it out for SQLite in .lamplighter/")
        return f"postgresql+psycopg://{rest}"

    @field_validator("embedder")
    @classmethod
    def _known_embedder(cls, name: str) -> str:
        if name not in EMBEDDERS and ":" not in name:
            raise ValueError(f"use {', '.join(EMBEDDERS)}, or a provider's, like openai:NAME")
        return name

    @field_validator("email", mode="before")
    @classmethod
    def _not_an_address(cls, given: Any) -> Any:
        """Many have an EMAIL in their environment, which is their own address, and none of ours."""
        return None if isinstance(given, str) else given

    @field_validator("run_backoff_seconds", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return value.split(",") if isinstance(value, str) else value

    @field_validator("run_backoff_seconds")
    @classmethod
    def _not_negative(cls, waits: tuple[float, ...]) -> tuple[float, ...]:
        if not waits or min(waits) < 0:
            raise ValueError("give seconds, such as 30,120,300")
        return waits

    @field_validator("internal_networks")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network)  # a ValueError says what is wrong
        return networks

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if not name:
            import tzlocal

            return tzlocal.get_localzone_name() or "UTC"
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                f"unknown time zone {name!r}; use an IANA name, like Europe/Berlin"
            ) from error
        return name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then environment, then ``.env``, then ``lamplighter.toml``."""
        folder: Path = init_settings.init_kwargs["workspace"]  # type: ignore[attr-defined]
        return (
            init_settings,
            _Environment(settings_cls),
            _EnvFile(settings_cls, env_file=folder / ".env"),
            TomlConfigSettingsSource(settings_cls, toml_file=folder / CONFIG_FILE),
            InitSettingsSource(settings_cls, _defaults_of(folder)),
        )

    @cached_property
    def state_dir(self) -> Path:
        """``.lamplighter``: database, socket, run files."""
        return self.workspace / STATE_DIR

    @property
    def key_path(self) -> Path:
        """The file of the key that stored credentials are encrypted with."""
        if self.key_file is None:
            return self.state_dir / KEY_FILE
        return self.workspace / self.key_file.expanduser()

    @property
    def database(self) -> Path | str:
        """The folder of the SQLite file, or a PostgreSQL URL."""
        return self.database_url or self.state_dir
