"""API tokens: everybody makes and revokes their own."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from lamplighter import accounts, clock
from lamplighter.errors import Forbidden
from lamplighter.store.audit import note
from lamplighter.store.tokens import Token, list_tokens, revoke_token
from lamplighter.web.api.asking import Home, Reader, Writer
from lamplighter.web.api.pages import Page, Paging

router = APIRouter(prefix="/tokens", tags=["tokens"])
Right = Literal["read", "run", "write", "admin"]


class NewToken(BaseModel):
    """A new token; without ``expires_in_days`` it opens until it is revoked."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: Annotated[list[Right], Field(min_length=1, max_length=10)]
    expires_in_days: Annotated[float, Field(gt=0, le=3650)] | None = 90


class TokenView(BaseModel):
    """A token, without its secret."""

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class MadeToken(TokenView):
    """A token that was just made; its text is shown only now."""

    token: str


@router.get("")
def list_own_tokens(caller: Reader, home: Home, paging: Paging) -> Page[TokenView]:
    """List your tokens."""
    page = paging.cut(list_tokens(home.engine, caller.user), lambda token: token.id)
    return Page(items=[_view(token) for token in page.items], next=page.next)


@router.post("", status_code=201)
def make_token(body: NewToken, caller: Writer, home: Home) -> MadeToken:
    """Make a token. One token cannot make another: sign in for that."""
    if caller.session is None:
        raise Forbidden("a token cannot make another; sign in, or use the command line")
    made, text = accounts.make_token(
        home.engine, caller.user, body.name, tuple(set(body.scopes)), body.expires_in_days
    )
    return MadeToken(**_view(made).model_dump(), token=text)


@router.delete("/{token}", status_code=204)
def revoke_own_token(token: str, caller: Writer, home: Home) -> None:
    """Let a token open nothing any more."""
    with home.engine.begin() as connection:
        revoke_token(connection, caller.user, token, clock.now())
        note(connection, caller.user, "token.revoke", token, now=clock.now())


def _view(token: Token) -> TokenView:
    values = {name: getattr(token, name) for name in TokenView.model_fields if name != "scopes"}
    return TokenView(scopes=list(token.scopes), **values)
