"""What clients can write of an agent; nothing else can be."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lamplighter.definitions.effects import Mode
from lamplighter.errors import InvalidInput, Place

Duration = Annotated[str, Field(max_length=50)]
Amount = Annotated[int, Field(ge=1, le=10_000_000)]
Tokens = Annotated[int, Field(ge=1, le=1_000_000_000_000)]
Money = Annotated[float, Field(ge=0, le=1_000_000, description="US dollars")]


class PerDayModel(BaseModel):
    """Bounds of all runs that begin on one day, in the agent's zone; null: none."""

    model_config = ConfigDict(extra="forbid")

    iterations: Amount | None = None
    tool_calls: Amount | None = None
    time: Duration | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cost: Money | None = None


class LimitsModel(BaseModel):
    """Bounds of one run; null is the workspace's."""

    model_config = ConfigDict(extra="forbid")

    iterations: Annotated[int, Field(ge=1, le=10_000)] | None = None
    timeout: Duration | None = None
    command_timeout: Duration | None = None
    memory_mb: Amount | None = None
    processes: Amount | None = None
    disk_mb: Amount | None = None
    output_kb: Amount | None = None
    tool_calls: Amount | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cost: Money | None = None
    per_day: PerDayModel | None = None


class EmailModel(BaseModel):
    """To whom the agent may write, and how often; null is the usual."""

    model_config = ConfigDict(extra="forbid")

    to: list[Annotated[str, Field(max_length=320)]]
    per_run: Annotated[int, Field(ge=1, le=1000)] | None = None
    per_day: Annotated[int, Field(ge=1, le=100_000)] | None = None


class Fields(BaseModel):
    """What of an agent can be written: the keys of its file, or the whole file as ``text``.

    A field that is not given stays as it is; one that is null is taken away.
    """

    model_config = ConfigDict(extra="forbid")

    text: str | None = None
    instructions: str | None = None
    description: str | None = None
    type: Literal["user", "org"] | None = None
    model: str | None = None
    schedule: str | dict[str, Any] | None = None
    schedules: list[str | dict[str, Any]] | None = None
    timezone: str | None = None
    tools: list[str] | None = None
    sources: list[str] | None = None
    actions: list[str] | None = None
    limits: LimitsModel | None = None
    network: dict[str, list[str]] | None = None
    effects: Mode | None = None
    email: EmailModel | None = None
    webhooks: dict[str, str] | None = None
    message: str | None = None
    enabled: bool | None = None

    def given(self) -> dict[str, Any]:
        """The fields that stand in the request, as they stand in a file."""
        given = self.model_dump(exclude_unset=True, exclude={"name", "text"})
        for name in ("limits", "email"):
            if given.get(name):
                given[name] = _said(given[name])
        if "text" in self.model_fields_set and given:
            place = Place(field="text")
            raise InvalidInput("give either the whole text or single fields", place=place)
        return given


class NewAgent(Fields):
    """A new agent."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


def _said(limits: dict[str, Any]) -> dict[str, Any]:
    """The limits without those that are null, those of a day too."""
    said = {
        key: _said(value) if isinstance(value, dict) else value for key, value in limits.items()
    }
    return {key: value for key, value in said.items() if value is not None and value != {}}
