"""Every error that Lamplighter raises on purpose.

- LamplighterError
  - InvalidInput: what somebody wrote cannot be understood; says file, line, field and hint
    - InvalidSchedule
    - InvalidSettings
  - NotFound: absent, or invisible to the one who asks (nobody can tell which)
  - NotSignedIn: nobody known asks
    - TooManyAttempts: signing in has failed too often
  - Forbidden: the one who asks is known, and may not
    - AgentsDisabled
    - CrossSite: another site made the browser ask
  - Conflict: the request is sound but clashes with the present state
    - AgentAlreadyActive
    - WorkspaceHeld
    - NewerDatabase: a newer version of the program has made the database
    - Changed: it is no longer what the one who changes it has seen
  - TooLarge: what was sent is larger than anything that makes sense
  - ModelUnavailable: unknown model, missing key, unreachable provider
  - PriceUnknown: a limit of money cannot be kept, since nobody knows what the model costs
  - ModelDiverged: a scripted model was asked something that its script does not expect
  - Drifted: a replayed run asks for something else than it did
  - ToolFailed: goes back to the model as the tool's result
    - Unconfirmed: of something that may have happened all the same
    - Withheld: by a rule, so it has not been tried
    - TryAgain: of something that has not happened, and may when it is tried again
  - SandboxUnavailable: commands cannot be run apart here, so they are not run
  - SandboxLost: a sandbox ended before its time
  - Unreadable: a document or a source that cannot be read
    - SignInFailed: a source does not take our credentials, or there are none
  - DownloadFailed
  - DatabaseUnavailable

Each class carries a stable ``code``, an HTTP ``status`` and a process ``exit_code``,
so that API, page and command line agree.
"""

from dataclasses import dataclass


class LamplighterError(Exception):
    """The root of the tree; never raised itself."""

    code = "error"
    status = 500
    exit_code = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where in somebody's input a problem is; any part may be unknown."""

    file: str | None = None
    line: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        where = self.file or ""
        if self.line is not None:
            where += f":{self.line}"
        return " ".join(part for part in (where, self.field and f"[{self.field}]") if part)


class InvalidInput(LamplighterError):
    """Something that a person wrote cannot be understood.

    Args:
        message: What is wrong.
        place: Where it is wrong.
        hint: What to do about it.
    """

    code = "invalid_input"
    status = 422
    exit_code = 2

    def __init__(self, message: str, *, place: Place | None = None, hint: str = "") -> None:
        self.message = message
        self.place = place or Place()
        self.hint = hint
        super().__init__(self.describe())

    def describe(self) -> str:
        """One line: place, message, hint."""
        where = str(self.place)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text} ({self.hint})" if self.hint else text


class InvalidSchedule(InvalidInput):
    """A schedule that cannot be read, or that could never fire."""

    code = "invalid_schedule"


class InvalidSettings(InvalidInput):
    """A setting with an impossible value."""

    code = "invalid_settings"


class NotFound(LamplighterError):
    """Absent, or invisible to the one who asks."""

    code = "not_found"
    status = 404
    exit_code = 5


class Conflict(LamplighterError):
    """The request clashes with the present state."""

    code = "conflict"
    status = 409


class AgentAlreadyActive(Conflict):
    """The agent already has a pending or running run.

    Args:
        agent: The agent's name.
        run_id: Its active run.
        run_status: ``pending`` or ``running``.
    """

    code = "agent_already_active"

    def __init__(self, agent: str, run_id: str, run_status: str) -> None:
        self.run_id = run_id
        self.run_status = run_status
        super().__init__(
            f"{agent} already has a {run_status} run, {run_id}. "
            f"Wait for it, or stop it with: lamplighter run cancel {run_id}"
        )


class WorkspaceHeld(Conflict):
    """Another process holds the workspace's lock."""

    code = "workspace_held"


class NewerDatabase(Conflict):
    """The database has a schema that this version of the program does not know."""

    code = "newer_database"


class Changed(Conflict):
    """It has been changed since the one who asks has read it (``If-Match``)."""

    code = "changed"
    status = 412


class NotSignedIn(LamplighterError):
    """Nobody known asks."""

    code = "not_signed_in"
    status = 401
    exit_code = 4


class TooManyAttempts(NotSignedIn):
    """Signing in has failed too often.

    Args:
        retry_after: Seconds after which it may be tried again.
    """

    code = "too_many_attempts"
    status = 429

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"too many failed attempts; try again in {retry_after} seconds")


class Forbidden(LamplighterError):
    """The one who asks is known, and may not."""

    code = "forbidden"
    status = 403


class AgentsDisabled(Forbidden):
    """Background agents are switched off by ``AGENTS_ENABLED=false``."""

    code = "agents_disabled"


class CrossSite(Forbidden):
    """A page of another site made the browser ask."""

    code = "cross_site"


class TooLarge(LamplighterError):
    """What was sent is larger than anything that makes sense here."""

    code = "too_large"
    status = 413


class ModelUnavailable(LamplighterError):
    """The model is unknown, its key is missing, or its provider cannot be reached."""

    code = "model_unavailable"
    status = 503


class PriceUnknown(LamplighterError):
    """What a model costs is not known, and a limit of money could not be kept."""

    code = "price_unknown"


class ModelDiverged(LamplighterError):
    """A scripted model was asked something that its script does not expect."""

    code = "model_diverged"


class Drifted(LamplighterError):
    """A run that is replayed asks for something else than it did when it was recorded."""

    code = "drifted"
    exit_code = 3


class ToolFailed(LamplighterError):
    """A tool could not do what was asked; the message is the tool's result for the model."""

    code = "tool_failed"
    status = 422


class Unconfirmed(ToolFailed):
    """Something was asked for, and nobody can tell whether it has happened."""

    code = "unconfirmed"


class Withheld(ToolFailed):
    """A rule does not let it happen; the message says which, and is no word of anybody else."""

    code = "withheld"


class TryAgain(ToolFailed):
    """Something has certainly not happened, for a reason that may pass."""

    code = "try_again"


class SandboxUnavailable(LamplighterError):
    """No sandbox can be opened here; the message is the reason."""

    code = "sandbox_unavailable"
    status = 503


class SandboxLost(LamplighterError):
    """A sandbox ended before its time; what was in it and had not been saved is gone."""

    code = "sandbox_lost"


class Unreadable(LamplighterError):
    """A document or a source that cannot be read; the message is the reason."""

    code = "unreadable"
    status = 422


class SignInFailed(Unreadable):
    """A source does not take our credentials, or there are none; somebody has to see to it."""

    code = "sign_in_failed"


class DownloadFailed(LamplighterError):
    """Something could not be fetched, or is not what it should be."""

    code = "download_failed"
    status = 502


class DatabaseUnavailable(LamplighterError):
    """The database cannot be opened."""

    code = "database_unavailable"
    status = 503


class ProgramMissing(LamplighterError):
    """A program that something needs is not installed, or too old; the message says which."""

    code = "program_missing"
    status = 503
