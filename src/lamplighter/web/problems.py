"""Errors as HTTP answers: ``application/problem+json`` (RFC 9457)."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from lamplighter.errors import (
    AgentAlreadyActive,
    InvalidInput,
    LamplighterError,
    NotFound,
    NotSignedIn,
    TooManyAttempts,
)

MEDIA_TYPE = "application/problem+json"
OMNI = "/api/agents"
"""Below this path, clients expect errors as ``{"error": ...}``."""


def _describe(media_type: str, required: list[str], **properties: Any) -> dict[int | str, Any]:
    """An OpenAPI description of everything that goes wrong for a reason of the client's."""
    schema = {"type": "object", "required": required, "properties": properties}
    content = {media_type: {"schema": schema}}
    return {"4XX": {"description": "What is wrong, and what to do.", "content": content}}


_TEXT = {"type": "string"}
PROBLEMS = _describe(
    MEDIA_TYPE,
    ["type", "title", "status", "detail", "code"],
    type=_TEXT,
    title=_TEXT,
    status={"type": "integer"},
    detail=_TEXT,
    code=_TEXT,
    errors={"type": "array", "items": {"type": "object"}},
    run_id=_TEXT,
    run_status=_TEXT,
)
OMNI_PROBLEMS = _describe(
    "application/json", ["error"], error=_TEXT, code=_TEXT, run_id=_TEXT, run_status=_TEXT
)

CODES = {404: "not_found", 405: "method_not_allowed"}


def install_problems(app: FastAPI) -> None:
    """Let all errors that the application knows be answered as problems."""
    app.add_exception_handler(LamplighterError, _on_own)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_fault)


def answer_problem(error: LamplighterError, request: Request) -> Response:
    """An error of ours as an answer."""
    if wants_page(request):
        from lamplighter.web.pages.trouble import show_error

        return show_error(request, error)
    path = request.url.path
    headers = {}
    if isinstance(error, TooManyAttempts):
        headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    if path.startswith(OMNI):
        return JSONResponse(_as_omni(error), error.status, headers)
    return _problem(error.status, error.code, str(error), headers, **_more(error))


def wants_page(request: Request) -> bool:
    """Whether somebody looks at it in a browser, not a program."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get(
        "accept", ""
    )


def _more(error: LamplighterError) -> dict[str, Any]:
    match error:
        case AgentAlreadyActive():
            return {"run_id": error.run_id, "run_status": error.run_status}
        case InvalidInput():
            place = error.place
            found = {"field": place.field, "line": place.line, "hint": error.hint or None}
            return {"errors": [{"message": error.message, **found}]}
    return {}


def _as_omni(error: LamplighterError) -> dict[str, Any]:
    if isinstance(error, AgentAlreadyActive):
        return {"error": error.code, "run_id": error.run_id, "run_status": error.run_status}
    return {"error": str(error), "code": error.code}


def _problem(
    status: int, code: str, detail: str, headers: dict[str, str], **more: Any
) -> JSONResponse:
    body = {"type": f"urn:lamplighter:{code}", "title": code.replace("_", " "), "status": status}
    body |= {"detail": detail, "code": code, **more}
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


async def _on_own(request: Request, error: Exception) -> Response:
    assert isinstance(error, LamplighterError)
    return answer_problem(error, request)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [_invalid(each) for each in error.errors()]
    detail = "; ".join(f"{each['field']}: {each['message']}" for each in errors)
    if wants_page(request):
        return answer_problem(InvalidInput(detail), request)
    if request.url.path.startswith(OMNI):
        return JSONResponse({"error": detail, "code": InvalidInput.code}, 422)
    return _problem(422, InvalidInput.code, detail, {}, errors=errors)


def _invalid(detail: Any) -> dict[str, Any]:
    place: Sequence[Any] = detail["loc"]
    field = ".".join(str(part) for part in place if part != "body")
    message = str(detail["msg"]).removeprefix("Value error, ")
    return {"message": message, "field": field or "body", "line": None, "hint": None}


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if wants_page(request) and error.status_code == 404:
        return answer_problem(NotFound("there is no such page"), request)
    code = CODES.get(error.status_code, "invalid_input")
    headers = dict(error.headers or {})
    if request.url.path.startswith(OMNI):
        return JSONResponse({"error": error.detail, "code": code}, error.status_code, headers)
    return _problem(error.status_code, code, str(error.detail), headers)


async def _on_fault(request: Request, _error: Exception) -> Response:
    """A fault of ours, which the log tells, and the answer does not."""
    if wants_page(request):
        from lamplighter.web.pages.trouble import show_fault

        return show_fault(request)
    return _problem(500, LamplighterError.code, "something went wrong here; the log says what", {})
