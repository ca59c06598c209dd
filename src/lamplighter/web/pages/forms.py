"""What a form has sent."""

from dataclasses import dataclass
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from lamplighter.errors import InvalidInput, Place

Model = TypeVar("Model", bound=BaseModel)

MOST_FIELDS = 2000


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, in order; a name may stand several times."""

    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The last value of a field, with line ends as everywhere else; empty if absent."""
        return next((value for value in reversed(self.all(name))), "")

    def all(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for known, value in self.fields if known == name]

    def has(self, name: str) -> bool:
        """Whether the field was there at all; browsers leave out what is not ticked."""
        return any(known == name for known, _ in self.fields)


def read_form(body: bytes) -> Form:
    """A body as browsers send it (``application/x-www-form-urlencoded``).

    Raises:
        InvalidInput: It is none.
    """
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise InvalidInput("this is no form that we gave") from error
    return Form(tuple((name, value.replace("\r\n", "\n")) for name, value in pairs))


def make(model: type[Model], **values: object) -> Model:
    """What the API's route would be given.

    Raises:
        InvalidInput: A value cannot be; says which, and why.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else None
        raise InvalidInput(first["msg"], place=Place(field=field)) from error


async def _form(request: Request) -> Form:
    return read_form(await request.body())


Sent = Annotated[Form, Depends(_form)]
