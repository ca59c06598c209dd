"""Sandboxes by podman or docker: proved where one of them starts."""

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import probes
import pytest
from containers import IMAGE, find_engine
from sandboxes import SMALL, Opened

from lamplighter.errors import SandboxUnavailable
from lamplighter.sandbox.bounds import Bounds
from lamplighter.sandbox.container import Container


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    monkeypatch.chdir(tmp_path)
    yield from open_container(SMALL)
    assert list(tmp_path.iterdir()) == []  # nor does the engine leave anything where we are


def open_container(bounds: Bounds) -> Iterator[Opened]:
    with asyncio.Runner() as runner:
        session = runner.run(Container(IMAGE, find_engine()).open(bounds))
        try:
            yield Opened(session, runner)
        finally:
            runner.run(session.close())


@pytest.mark.container
def test_a_container_is_ready() -> None:
    assert asyncio.run(Container(IMAGE, find_engine()).probe()).problem == ""


@pytest.mark.container
def test_a_container_holds_what_tries_to(opened: Opened) -> None:
    names = sorted(set(probes.PROBES) - probes.HARMLESS)
    script = f"{Path(probes.__file__).read_text()}\nrun({names!r})\n"
    finished = opened.run_python(script)
    through = [line for line in finished.stdout.splitlines() if " HELD " not in line]
    assert (through, finished.stderr, finished.code) == ([], "", 0)
    assert opened.run("true").code == 0


@pytest.mark.container
def test_commands_and_files_are_as_in_any_sandbox(opened: Opened) -> None:
    opened.write("in.txt", b"one\n")
    finished = opened.bash("cat in.txt; echo two > out.txt; sleep 1000 & exit 3")
    assert (finished.code, finished.stdout) == (3, "one\n")
    assert list(opened.changes().changed) == ["out.txt"]
    assert (
        "BlockingIOError"
        in opened.run_python(
            "import os, time\nfor _ in range(500):\n    if not os.fork(): time.sleep(100)"
        ).stderr
    )
    assert opened.run_python("x = [bytearray(100 << 20) for _ in range(4)]").code != 0
    assert opened.run("true").code == 0


@pytest.mark.container
def test_a_command_that_takes_too_long_is_stopped() -> None:
    for hasty in open_container(replace(SMALL, command_seconds=0.5)):
        assert hasty.bash("sleep 1000").ended == "timeout"
        assert hasty.run("true").code == 0


@pytest.mark.container
def test_nothing_is_left_of_a_container(opened: Opened) -> None:
    opened.wait(opened.session.close())
    command = [*find_engine().split(), "ps", "--all", "--filter", "name=lamplighter-"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "lamplighter-" not in listed


@pytest.mark.parametrize(
    ("backend", "problem"),
    [
        (Container("image", "nosuchengine"), "neither podman nor docker"),
        (Container("", "true"), "names no image"),
        (Container("image", "false"), "the helper did not start"),
    ],
)
def test_what_is_missing_is_told(backend: Container, problem: str) -> None:
    readiness = asyncio.run(backend.probe())
    assert problem in readiness.problem
    assert readiness.advice


def test_an_engine_that_fails_leaves_no_sandbox() -> None:
    with pytest.raises(SandboxUnavailable):
        asyncio.run(Container("image", "false").open(SMALL))
