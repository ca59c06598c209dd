"""How the workspace is set, whether it is well, and one's own tokens."""

from functools import partial

from anyio import to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response

from lamplighter.accounts import Caller
from lamplighter.engine.record import redact
from lamplighter.models.resolve import list_models
from lamplighter.models.trial import Trial, try_model
from lamplighter.roster import Roster
from lamplighter.store.tokens import list_tokens
from lamplighter.web.api import tokens as api
from lamplighter.web.api.asking import AdminPage, Home, Reader, Writer
from lamplighter.web.api.tokens import MadeToken, NewToken
from lamplighter.web.pages.forms import Sent, make
from lamplighter.web.pages.rendering import go_to, render

router = APIRouter(include_in_schema=False)


@router.get("/settings")
def show_settings(request: Request, caller: Reader, home: Home) -> Response:
    """How the workspace is set; what admins may see besides is loaded into it."""
    return render(request, "settings.html", settings=home.settings, tab="workspace")


@router.get("/settings/health")
async def show_health(request: Request, _caller: AdminPage, home: Home) -> Response:
    """What the doctor says; it looks into a sandbox, so that takes a moment."""
    from lamplighter.doctor.examine import examine

    findings = await to_thread.run_sync(partial(examine, home.settings.workspace))
    return render(request, "_health.html", findings=findings)


@router.get("/settings/models")
def show_models(request: Request, _caller: AdminPage, home: Home) -> Response:
    """The models that could serve."""
    return _show_models(request, home)


@router.post("/settings/models")
async def ask_model(request: Request, _caller: AdminPage, home: Home, form: Sent) -> Response:
    """Ask a model a short question."""
    trial = await try_model(form.get("model").strip(), home.settings)
    return await to_thread.run_sync(partial(_show_models, request, home, trial))


@router.get("/settings/tokens")
def show_tokens(request: Request, caller: Reader, home: Home) -> Response:
    """One's own API tokens."""
    return _show_tokens(request, caller, home)


@router.post("/settings/tokens")
def make_token(request: Request, caller: Writer, home: Home, form: Sent) -> Response:
    """Make a token; its text is shown this once."""
    days = form.get("days")
    new = make(
        NewToken,
        name=form.get("name").strip(),
        scopes=form.all("scope"),
        expires_in_days=days or None,
    )
    return _show_tokens(request, caller, home, api.make_token(new, caller, home))


@router.post("/settings/tokens/{token}/revoke")
def revoke_token(request: Request, token: str, caller: Writer, home: Home) -> Response:
    """Let a token open nothing any more."""
    api.revoke_own_token(token, caller, home)
    return go_to(request, "/settings/tokens")


def _show_models(request: Request, home: Roster, trial: Trial | None = None) -> Response:
    return render(
        request,
        "models.html",
        models=list_models(home.settings),
        providers=sorted(home.settings.providers),
        trial=trial,
        problem=redact(trial.problem) if trial else "",
        tab="models",
    )


def _show_tokens(
    request: Request, caller: Caller, home: Roster, made: MadeToken | None = None
) -> Response:
    known = [each for each in list_tokens(home.engine, caller.user) if each.revoked_at is None]
    rights = [right for right in ("read", "run", "write", "admin") if right in caller.rights]
    return render(
        request,
        "tokens.html",
        tokens=sorted(known, key=lambda token: token.id, reverse=True),
        rights=rights if caller.admin else [right for right in rights if right != "admin"],
        made=made,
        tab="tokens",
    )
