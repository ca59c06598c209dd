"""Read a document in a process of its own.

A workbook of 5 kB can ask for 500 GB, at which its parser aborts the whole process (measured
with calamine); a parser may loop for ever on a damaged PDF. Apart, either costs one document.
"""

import json
import subprocess
import sys
from dataclasses import asdict

from lamplighter.errors import Unreadable
from lamplighter.sources.extract.extracted import Extracted, moment

MEMORY_LIMIT_BYTES = 1_500_000_000
TIME_LIMIT_SECONDS = 60.0


def read_apart(data: bytes, name: str, *, timeout_seconds: float = TIME_LIMIT_SECONDS) -> Extracted:
    """What ``parse`` makes of the bytes, in a child with bounded memory and time.

    Raises:
        Unreadable: What ``parse`` says, or that the child needed too much.
    """
    command = [sys.executable, "-I", "-m", __name__, name]
    try:
        child = subprocess.run(  # noqa: S603 - our own interpreter and module; the name is data
            command,
            input=data,
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
            env={},  # whatever a document makes of its reader, there are no keys to find
        )
    except subprocess.TimeoutExpired as error:
        raise Unreadable(f"reading it takes more than {timeout_seconds:.0f} seconds") from error
    if child.returncode:
        limit = f"{MEMORY_LIMIT_BYTES:,} bytes of memory"
        raise Unreadable(f"its reader failed: it is damaged, or reading it needs more than {limit}")
    return _received(json.loads(child.stdout))


def _received(answer: dict[str, str]) -> Extracted:
    if reason := answer.get("unreadable"):
        raise Unreadable(reason)
    return Extracted(
        answer["title"], answer["text"], moment(answer["dated_at"]), answer["media_type"]
    )


def _bound_memory() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an abort leaves no core file behind


def _main(name: str) -> None:
    from lamplighter.sources.extract import parse

    _bound_memory()
    try:
        answer = asdict(parse(sys.stdin.buffer.read(), name))
    except Unreadable as error:
        answer = {"unreadable": str(error)}
    json.dump(answer, sys.stdout, default=str)


if __name__ == "__main__":
    _main(sys.argv[1])
