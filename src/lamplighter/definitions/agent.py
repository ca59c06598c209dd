"""What an agent is: instructions + model + tools + sources + schedules + limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from lamplighter.allowance import UNBOUNDED, Allowance
from lamplighter.definitions.effects import Mode
from lamplighter.definitions.hosts import AllowedHost
from lamplighter.definitions.pages import Pages, find_pages
from lamplighter.definitions.recipients import TO_NOBODY, Correspondence
from lamplighter.definitions.tool import called
from lamplighter.errors import Place
from lamplighter.schedule import Schedule

AgentType = Literal["user", "org"]
DEFAULT_MESSAGE = "Do your scheduled task now."
DOCUMENT_TOOLS = ("list_documents", "search_documents", "read_document")
DEFAULT_TOOLS = (*DOCUMENT_TOOLS, "read_file", "write_file", "deliver_file")
"""What an agent may call when its file does not say."""
SHELL_TOOLS = ("run_bash", "run_python")
"""The tools that run commands; they are there only where there is a sandbox."""
COMMAND_TOOLS = (*SHELL_TOOLS, "executeCommand")
"""These, and Rowboat's."""
SOURCE_TOOLS = (*DOCUMENT_TOOLS, "search_people")
"""The tools that show what is in the agent's sources."""
ORG_ONLY_TOOLS = ("send_email",)
"""What no user agent may call, whatever its file says."""
MEMORY_TOOLS = ("remember", "recall")
"""The tools by which an agent knows in one run what it noted in another."""
ALL_TOOLS = (
    *DEFAULT_TOOLS,
    "search_people",
    *MEMORY_TOOLS,
    *SHELL_TOOLS,
    *ORG_ONLY_TOOLS,
    "webhook",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run; ``None`` means the workspace's setting.

    Attributes:
        iterations: Tool calls at most, and model requests too (the closing report is exempt).
        timeout_seconds: Wall time at most.
        command_seconds: Wall time of one command in the sandbox.
        memory_mb: Of the sandbox, in MiB.
        processes: In the sandbox at once.
        disk_mb: Of the run's files, in MiB.
        output_kb: Of each output of a command, in thousands of bytes.
        tool_calls: At most; ``None``: as many as iterations.
        input_tokens: Sent to the model in all.
        output_tokens: Received from the model in all.
        cost_microusd: For the model, in all.
        per_day: The same of all runs that begin on one day in the agent's zone.
    """

    iterations: int | None = None
    timeout_seconds: float | None = None
    command_seconds: float | None = None
    memory_mb: int | None = None
    processes: int | None = None
    disk_mb: int | None = None
    output_kb: int | None = None
    tool_calls: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_microusd: int | None = None
    per_day: Allowance = UNBOUNDED

    @property
    def per_run(self) -> Allowance:
        """What one run may use, but for iterations and time, which have defaults."""
        return Allowance(
            tool_calls=self.tool_calls,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_microusd=self.cost_microusd,
        )


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent, as its file defines it.

    Attributes:
        name: The file's path below ``agents/`` without ``.md``, with ``/`` between parts.
        instructions: The body of the file.
        description: One line for lists.
        model: Such as ``openai:gpt-5``; ``None`` means the workspace's default.
        schedules: When it makes its rounds; empty means only when asked.
        tools: The tools that it may call, as ``definitions.tool`` has them; ``None`` means
            ``DEFAULT_TOOLS``.
        aliases: Other names by which the model calls some of them, each with its tool.
        type: ``user`` acts with its owner's permissions, ``org`` sees all data of its sources.
        sources: Names of the sources that it may read; empty means none.
        all_sources: Whether it reads all there are: an org agent whose file names none at all.
        actions: For org agents, the allow-list of tools.
        limits: Bounds of one run.
        network: What its commands may reach; empty: nothing.
        writes: Where it may change files of the workspace: these, and what is below them;
            ``None``: wherever runs may.
        fetch: What ``fetch-url`` may fetch, see ``Pages``; ``None``: whatever is public.
        effects: Whether its effects happen, wait for approval, or are only recorded.
        email: To whom ``send_email`` may write.
        webhooks: URLs that ``webhook`` may call, by the names that the model knows.
        message: The first message of a run.
        enabled: Whether its schedules fire.
        timezone: The IANA zone of its days; empty: the workspace's.
        extra: Keys that Lamplighter does not know, kept as they are.
        lines: Where in the file each field stands, such as ``tools`` or ``tools[1]``, for
            messages; no part of what the agent is.
    """

    name: str
    instructions: str
    description: str = ""
    model: str | None = None
    schedules: tuple[Schedule, ...] = ()
    tools: tuple[str, ...] | None = None
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    type: AgentType = "user"
    sources: tuple[str, ...] = ()
    all_sources: bool = False
    actions: tuple[str, ...] = ()
    limits: Limits = Limits()
    network: tuple[AllowedHost, ...] = ()
    writes: tuple[str, ...] | None = None
    fetch: tuple[str, ...] | None = None
    effects: Mode = "send"
    email: Correspondence = TO_NOBODY
    webhooks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    message: str = DEFAULT_MESSAGE
    enabled: bool = True
    timezone: str = ""
    extra: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    lines: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType({}), compare=False, repr=False
    )

    @property
    def allowed_tools(self) -> tuple[str, ...]:
        """What it may call. An org agent calls its actions, narrowed by its tools."""
        if self.type == "user":
            tools = DEFAULT_TOOLS if self.tools is None else self.tools
            return tuple(tool for tool in tools if tool not in ORG_ONLY_TOOLS)
        tools = self.actions if self.tools is None else self.tools
        return tuple(tool for tool in tools if tool in self.actions)

    @property
    def tool_names(self) -> dict[str, str]:
        """What it may call, by the names that the model knows."""
        tools = self.allowed_tools
        named = {name: tool for name, tool in self.aliases.items() if tool in tools}
        return {called(tool): tool for tool in tools if tool not in named.values()} | named

    @property
    def pages(self) -> Pages:
        """What of the web it may fetch."""
        written = find_pages(f"{self.instructions}\n{self.message}")
        return Pages(self.fetch, written)


def runs_commands(agent: Agent) -> bool:
    """Whether it may run commands in a sandbox."""
    return any(tool in COMMAND_TOOLS for tool in agent.allowed_tools)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to tell the author of an agent file.

    Attributes:
        level: An ``error`` keeps the agent from running, a ``warning`` does not.
        message: What is wrong.
        place: File, line and field, as far as they are known.
        hint: What to do about it.
    """

    level: Literal["error", "warning"]
    message: str
    place: Place
    hint: str = ""

    def __str__(self) -> str:
        """``agents/digest.md:3 [schedule]: error: what is wrong (what to do)``."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.place}: {self.level}: {self.message}{hint}"
