"""Embed what lacks a vector in a process of its own, whose memory ends with the work.

The model of a sync's documents would otherwise stay for ever in a server that is mostly idle.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from lamplighter.config import Provider
from lamplighter.errors import ModelUnavailable
from lamplighter.search.embedders import Providers
from lamplighter.search.embedding import embed_pending, needs_embedding
from lamplighter.store.database import embedding_alone, open_database


def embed_apart(
    engine: sa.Engine, place: Path | str, name: str, providers: Providers
) -> Iterator[int]:
    """What ``embed_pending`` does, in a child; while another process is at it, nothing.

    Args:
        engine: The workspace's database.
        place: Where that is, for the child.
        name: The embedder, as in the settings.
        providers: Those that the settings name.

    Raises:
        ModelUnavailable: It is not installed, or does not answer.
    """
    if not needs_embedding(engine, name):
        return
    named = {each: provider.model_dump(mode="json") for each, provider in providers.items()}
    work = {"place": str(place), "is_url": isinstance(place, str), "name": name}
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdin is not None
            assert child.stdout is not None
            # No argument, which everybody on the machine can read: it may have a password.
            json.dump({**work, "providers": named}, child.stdin)
            child.stdin.close()
            yield from _steps(child.stdout)
        finally:
            child.terminate()  # harmless: what is embedded is saved


def _steps(answers: IO[str]) -> Iterator[int]:
    for line in answers:
        answer = json.loads(line)
        if "error" in answer:
            raise ModelUnavailable(answer["error"])
        yield answer["embedded"]


def _main() -> None:
    work = json.load(sys.stdin)
    engine = open_database(work["place"] if work["is_url"] else Path(work["place"]))
    providers = {name: Provider(**values) for name, values in work["providers"].items()}
    try:
        with embedding_alone(engine) as alone:
            for count in embed_pending(engine, work["name"], providers) if alone else ():
                print(json.dumps({"embedded": count}), flush=True)  # noqa: T201 - to the parent
    except ModelUnavailable as error:
        print(json.dumps({"error": str(error)}), flush=True)  # noqa: T201


if __name__ == "__main__":
    _main()
