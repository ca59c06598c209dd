"""What the files of runs hold, by its SHA-256: so that every worker has it, wherever it runs.

Which files there are is told by the answers of the run's steps; nothing here is ever changed.
"""

from collections.abc import Collection, Iterator, Sequence

import sqlalchemy as sa

from lamplighter.store.database import reading
from lamplighter.store.tables import contents

PART_BYTES = 1 << 20

Part = tuple[str, int, bytes]
"""SHA-256 of the whole, number from 0, content."""


def save_parts(engine: sa.Engine, run_id: str, parts: Sequence[Part]) -> None:
    """Keep parts of contents; those that are kept already stay."""
    dialect: str = engine.dialect.name
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    rows = [
        {"run_id": run_id, "sha256": sha256, "part": number, "content": content}
        for sha256, number, content in parts
    ]
    if rows:
        with engine.begin() as connection:
            connection.execute(insert(contents).on_conflict_do_nothing(), rows)


def save_content(engine: sa.Engine, run_id: str, sha256: str, content: bytes) -> None:
    """Keep a whole content."""
    starts = range(0, len(content), PART_BYTES)
    parts = [(sha256, number, content[at : at + PART_BYTES]) for number, at in enumerate(starts)]
    save_parts(engine, run_id, parts)


def copy_contents(connection: sa.Connection, run_id: str, to: str, hashes: Collection[str]) -> None:
    """Let another run, which keeps nothing yet, have some of what a run keeps."""
    others = [contents.c[name] for name in ("sha256", "part", "content")]
    mine = sa.select(sa.literal(to), *others).where(
        contents.c.run_id == run_id, contents.c.sha256.in_(hashes)
    )
    names = ["run_id", *(column.name for column in others)]
    connection.execute(contents.insert().from_select(names, mine))


def read_part(engine: sa.Engine, run_id: str, sha256: str, part: int) -> bytes:
    """One part; empty if there is none of that number."""
    query = sa.select(contents.c.content).where(
        contents.c.run_id == run_id, contents.c.sha256 == sha256, contents.c.part == part
    )
    with reading(engine) as connection:
        return bytes(connection.scalar(query) or b"")


def read_content(engine: sa.Engine, run_id: str, sha256: str) -> bytes:
    """A whole content; empty if there is none."""
    return b"".join(iterate_content(engine, run_id, sha256))


def iterate_content(engine: sa.Engine, run_id: str, sha256: str) -> Iterator[bytes]:
    """Its parts, in order."""
    number = 0
    while part := read_part(engine, run_id, sha256, number):
        yield part
        number += 1
