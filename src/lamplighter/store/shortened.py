"""Ids as people write them: whole, or as much of one as is clear."""

from typing import Any

import sqlalchemy as sa

from lamplighter.errors import InvalidInput, NotFound


def find_row(
    connection: sa.Connection, table: sa.Table, part: str, noun: str, *, see: str
) -> sa.Row[Any]:
    """The row whose id is ``part``, or begins or ends with it, in capitals or not.

    Args:
        connection: In a transaction.
        table: Its key is ``id``, a ULID.
        part: As somebody wrote it.
        noun: What a row is called.
        see: The command that lists them.

    Raises:
        NotFound: There is none.
        InvalidInput: Several fit.
    """
    wanted = part.upper()
    fits = table.c.id.startswith(wanted, autoescape=True)
    fits |= table.c.id.endswith(wanted, autoescape=True)
    query = sa.select(table).where(fits).limit(2)
    found = connection.execute(query).all() if wanted else []
    if not found:
        raise NotFound(f"no {noun} {part!r}. See: lamplighter {see}")
    if len(found) > 1:
        raise InvalidInput(f"{part!r} fits several {noun}s", hint="give more of the id")
    return found[0]
