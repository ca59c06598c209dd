"""A sandbox's life: limits that hold, nothing left of a command, files without tricks."""

import asyncio
import hashlib
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from processes import wait_until
from sandboxes import SANDBOXED, SMALL, Opened, opened

from lamplighter.errors import SandboxLost, SandboxUnavailable, ToolFailed
from lamplighter.sandbox import bubblewrap
from lamplighter.sandbox.bounds import MEGABYTE
from lamplighter.sandbox.helper import MAX_FILES
from lamplighter.sandbox.sandbox import File

pytestmark = SANDBOXED
HASTY = replace(SMALL, command_seconds=0.5)


@contextmanager
def net() -> Iterator[None]:
    """Bounds for what is started meanwhile, should those of the sandbox not hold.

    Besides, every attempt at exhaustion below is finite.
    """
    before = resource.getrlimit(resource.RLIMIT_NPROC), resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_NPROC, (2000, before[0][1]))
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, before[1][1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, before[0])
        resource.setrlimit(resource.RLIMIT_AS, before[1])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Opened]:
    with net(), opened() as sandbox_:
        yield sandbox_


@pytest.fixture(params=["kernel", "watch"])
def memory_keeper(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who counts memory: a cgroup, where one can be made, or we."""
    if request.param == "watch":
        monkeypatch.setattr(bubblewrap, "make_cgroup", lambda *_: None)
    return str(request.param)


# --- Commands ---


def test_a_command_gives_both_its_streams_and_its_code(sandbox: Opened) -> None:
    finished = sandbox.bash("echo out; echo err >&2; exit 3")
    assert (finished.ended, finished.code) == ("exit", 3)
    assert (finished.stdout, finished.stderr) == ("out\n", "err\n")


def test_a_signal_shows_in_the_code(sandbox: Opened) -> None:
    assert sandbox.bash("kill -9 $$").code == -9


def test_a_program_that_does_not_exist_is_told(sandbox: Opened) -> None:
    with pytest.raises(ToolFailed, match="nosuchprogram"):
        sandbox.run("nosuchprogram")


def test_a_snippet_has_lines_in_its_traceback_and_imports_from_the_workspace(
    sandbox: Opened,
) -> None:
    sandbox.write("mine.py", b"def fail():\n    raise ValueError('mine')\n")
    finished = sandbox.run_python("import mine\nmine.fail()")
    assert "mine.fail()" in finished.stderr
    assert "ValueError: mine" in finished.stderr


def test_standard_input_is_empty(sandbox: Opened) -> None:
    assert sandbox.run("cat").stdout == ""


def test_no_state_but_files_is_kept(sandbox: Opened) -> None:
    sandbox.bash("export KEPT=1; cd /tmp; echo x > /workspace/kept")
    assert sandbox.bash("echo ${KEPT:-none} $PWD; cat kept").stdout == "none /workspace\nx\n"


@pytest.mark.parametrize(
    "leave",
    [
        "sleep 1000 &",
        "setsid sleep 1000 &\ndisown;",
        "(setsid sh -c 'sleep 1000 & sleep 1000' &);",
        "nohup sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1; done' > /tmp/log 2>&1 &",
    ],
)
def test_nothing_runs_after_a_command(sandbox: Opened, leave: str) -> None:
    assert sandbox.bash(f"{leave} echo begun").stdout == "begun\n"
    others = sandbox.run_python(
        "import os; print([pid for pid in os.listdir('/proc') if pid.isdigit()"
        " and int(pid) not in (1, os.getpid())])"
    )
    assert others.stdout == "[]\n"


# --- Limits ---


def test_a_command_that_takes_too_long_is_stopped_with_all_it_started() -> None:
    with opened(HASTY) as hasty:
        finished = hasty.bash("echo begun; trap '' TERM; sleep 1000 & sleep 1000")
        assert (finished.ended, finished.code, finished.stdout) == ("timeout", None, "begun\n")
        assert hasty.run("true").code == 0


def test_output_is_cut_while_it_comes_and_the_command_goes_on(sandbox: Opened) -> None:
    finished = sandbox.bash("head -c 50000000 /dev/zero | tr '\\0' x; echo done > /workspace/done")
    assert len(finished.stdout) == SMALL.output_bytes
    assert finished.stdout_bytes == 50_000_000
    assert sandbox.run("cat", "done").stdout == "done\n"


def test_endless_output_ends_with_the_time() -> None:
    with opened(HASTY) as hasty:
        finished = hasty.bash("yes & yes >&2")
        assert finished.ended == "timeout"
        assert len(finished.stdout) == len(finished.stderr) == SMALL.output_bytes


def test_output_that_is_no_text_is_told_as_text(sandbox: Opened) -> None:
    assert sandbox.run("printf", r"\377\000x").stdout == "\ufffd\0x"


def test_a_fork_bomb_fails_and_leaves_nothing(sandbox: Opened) -> None:
    bomb = """
import os, time
made = 0
try:
    for made in range(1000):
        if os.fork() == 0:
            time.sleep(1000)
except BlockingIOError:
    print("held at", made)
"""
    assert 0 < int(sandbox.run_python(bomb).stdout.removeprefix("held at ")) < 64
    assert sandbox.bash("true | true").code == 0


def test_threads_count_as_processes(sandbox: Opened) -> None:
    bomb = """
import threading
gate = threading.Event()
try:
    for made in range(1000):
        threading.Thread(target=gate.wait, daemon=True).start()
except RuntimeError:
    print("held at", made)
"""
    assert "held at" in sandbox.run_python(bomb).stdout


HOGS = {
    "one": "x = bytearray(400 << 20)",
    "many": """
import os, time
for _ in range(8):
    if os.fork() == 0:
        x = bytearray(60 << 20)
        time.sleep(30)
time.sleep(30)
""",
    "shared": """
import mmap
shared = [mmap.mmap(-1, 100 << 20) for _ in range(4)]
for each in shared:
    for page in range(0, len(each), 4096):
        each[page] = 1
import time; time.sleep(30)
""",
    "unlinked files": """
import os, time
for place in ("/tmp", "/dev/shm", "/workspace"):
    with open(f"{place}/x", "wb") as file:
        os.unlink(file.name)
        os.dup(file.fileno())
        try:
            for _ in range(60):
                file.write(bytes(1 << 20)); file.flush()
        except OSError:
            pass
x = bytearray(180 << 20)
time.sleep(30)
""",
}


@pytest.mark.parametrize("hog", HOGS)
def test_a_memory_hog_is_stopped_and_the_sandbox_lives(hog: str, memory_keeper: str) -> None:
    with net(), opened() as sandbox:
        finished = sandbox.run_python(HOGS[hog])
        assert finished.ended == "memory", (finished, memory_keeper)
        assert sandbox.run("true").code == 0


def test_one_process_cannot_even_ask_for_much_memory(sandbox: Opened) -> None:
    assert "MemoryError" in sandbox.run_python("bytearray(1 << 30)").stderr


@pytest.mark.parametrize(
    ("place", "megabytes"), [("/workspace", 32), ("/tmp", 64), ("/dev/shm", 16), ("/run", 1)]
)
def test_disks_are_full_at_their_bound(place: str, megabytes: int, memory_keeper: str) -> None:
    with opened() as sandbox:
        finished = sandbox.bash(f"head -c 100000000 /dev/zero > {place}/big; wc -c < {place}/big")
        assert "No space left" in finished.stderr
        assert int(finished.stdout) <= megabytes * MEGABYTE


def test_empty_files_are_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "make_cgroup", lambda *_: None)
    few = replace(SMALL, memory_bytes=64 * MEGABYTE)
    with opened(few) as sandbox:
        finished = sandbox.run_python("for n in range(200_000): open(f'/tmp/{n}', 'w').close()")
        assert finished.ended == "memory"


def test_a_file_cannot_be_larger_than_the_disk(sandbox: Opened) -> None:
    assert sandbox.run("truncate", "--size", "1T", "/tmp/sparse").code != 0


def test_descriptors_are_bounded(sandbox: Opened) -> None:
    code = "import os\nfor n in range(1000): os.dup(1)"
    assert "Too many open files" in sandbox.run_python(code).stderr


# --- The end ---


def test_the_end_leaves_no_process_behind() -> None:
    with opened() as sandbox:
        sandbox.bash("sleep 1000 &")
        assert not sandbox.is_gone
    assert sandbox.is_gone


def test_a_cancelled_command_ends_its_sandbox_at_once() -> None:
    async def cancel() -> None:
        task = asyncio.ensure_future(sandbox.session.exec(["sleep", "1000"]))
        await asyncio.to_thread(wait_until, children, "the command")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def children() -> list[str]:
        first = sandbox.session.first
        return Path(f"/proc/{first}/task/{first}/children").read_text().split()

    with opened() as sandbox:
        sandbox.wait(cancel())
        wait_until(lambda: sandbox.is_gone or None, "the sandbox's end")
        with pytest.raises(SandboxLost):
            sandbox.run("true")


def test_a_sandbox_dies_with_the_process_that_opened_it() -> None:
    program = """
import asyncio
from sandboxes import SMALL
from lamplighter.sandbox.bubblewrap import Bubblewrap
async def main():
    session = await Bubblewrap().open(SMALL)
    asyncio.ensure_future(session.exec(["sleep", "1000"]))
    groups = [str(folder) for folder in session.cgroup.folders] if session.cgroup else []
    print(session.first, *groups, flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as opener:
        assert opener.stdout is not None
        first, *groups = opener.stdout.readline().split()
        assert os.path.exists(f"/proc/{first}")
        opener.kill()
    wait_until(lambda: not os.path.exists(f"/proc/{first}") or None, "the sandbox's end")
    with opened():
        assert [group for group in groups if os.path.exists(group)] == []


def test_many_sandboxes_leave_nothing_behind() -> None:
    places: list[Path] = []

    def own() -> tuple[int, int, int]:
        mounts = len(Path("/proc/self/mountinfo").read_text().splitlines())
        waiting = [each for each in threading.enumerate() if "waitpid" in each.name]
        return len(os.listdir("/proc/self/fd")), mounts, len(waiting)

    async def open_and_close() -> None:
        session = await bubblewrap.Bubblewrap().open(SMALL)
        places.append(Path(f"/proc/{session.first}"))
        places.extend(session.cgroup.folders if session.cgroup else ())
        await session.close()

    with asyncio.Runner() as runner:
        runner.run(open_and_close())
        before = own()
        for _ in range(10):
            runner.run(open_and_close())
        wait_until(lambda: own() <= before or None, "the end of threads that waited for processes")
    assert [place for place in places if place.exists()] == []


def test_a_sandbox_that_cannot_be_opened_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "GUEST", -1)
    with pytest.raises(SandboxUnavailable, match="uid"), opened():
        pass


def test_an_unsafe_sandbox_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "build_filter", lambda: b"\6\0\0\0\0\0\xff\x7f")  # allow all
    monkeypatch.setattr(
        bubblewrap, "_isolation", lambda: [arg for arg in isolation() if arg != "--unshare-net"]
    )
    ready = asyncio.run(bubblewrap.Bubblewrap().probe())
    assert "it does not protect: network" in ready.problem


isolation = bubblewrap._isolation


# --- Files ---


def entry(content: bytes, *, executable: bool = False) -> File:
    return File(hashlib.sha256(content).hexdigest(), len(content), executable)


def test_changes_are_told_once() -> None:
    with opened() as sandbox:
        sandbox.bash("mkdir -p a/b; echo one > a/b/c; echo two > d; chmod +x d")
        changed = sandbox.changes().changed
        assert changed == {"a/b/c": entry(b"one\n"), "d": entry(b"two\n", executable=True)}
        assert sandbox.changes().changed == {}
        sandbox.bash("rm d; printf one2 > a/b/c")
        changes = sandbox.changes()
        assert (changes.changed, changes.gone) == ({"a/b/c": entry(b"one2")}, ("d",))


def test_what_the_host_wrote_is_no_change_until_a_command_changes_it() -> None:
    with opened() as sandbox:
        sandbox.write("in/file.txt", b"given", executable=True)
        assert sandbox.changes().changed == {}
        sandbox.bash("test -x in/file.txt && printf taken > in/file.txt")
        assert sandbox.changes().changed == {"in/file.txt": entry(b"taken", executable=True)}


def test_a_change_is_seen_though_size_and_time_are_put_back() -> None:
    with opened() as sandbox:
        sandbox.write("a", b"1234")
        sandbox.bash("touch -r a /tmp/mark; printf 4321 > a; touch -r /tmp/mark a")
        assert sandbox.changes().changed == {"a": entry(b"4321")}


@pytest.mark.parametrize(
    "plant",
    [
        "ln -s /etc/passwd trick",
        "ln -s /proc/1/environ trick",
        "mkfifo trick",
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"trick\")'",
        "ln -s trick trick",
        "mkdir trick",
    ],
)
def test_what_is_no_file_is_neither_told_nor_read(plant: str) -> None:
    with opened() as sandbox:
        assert sandbox.bash(plant).code == 0
        assert "trick" not in sandbox.changes().changed
        with pytest.raises(ToolFailed):
            sandbox.wait(sandbox.session.read("trick", 0))


@pytest.mark.parametrize(
    "plant", ["ln -s /tmp out", "mkfifo out", "echo file > out", "mkdir -p out/x.txt/full"]
)
def test_what_is_in_the_way_of_a_file_is_replaced(plant: str) -> None:
    with opened() as sandbox:
        sandbox.bash(plant)
        sandbox.write("out/x.txt", b"mine")
        assert sandbox.bash("cat out/x.txt; ls /tmp").stdout.startswith("mine")
        assert "x.txt" not in sandbox.run("ls", "/tmp").stdout


def test_names_that_are_no_text_and_folders_that_are_shut_are_left_out() -> None:
    with opened() as sandbox:
        sandbox.bash("echo x > $'bad\\xff'; mkdir shut; echo x > shut/y; chmod 0 shut; echo z > ok")
        changes = sandbox.changes()
        assert list(changes.changed) == ["ok"]
        assert set(changes.left_out) == {"bad?", "shut"}


def test_too_many_files_are_refused() -> None:
    with opened() as sandbox:
        sandbox.bash(f"seq {MAX_FILES + 2} | xargs touch")
        with pytest.raises(ToolFailed, match="more than"):
            sandbox.changes()


def test_deep_folders_end_somewhere() -> None:
    with opened() as sandbox:
        code = "import os\nfor n in range(3000): os.mkdir('d'); os.chdir('d')\nopen('x', 'w')"
        assert sandbox.run_python(code).code == 0
        assert sandbox.changes().changed == {}


def test_a_large_file_is_read_and_written_in_parts() -> None:
    content = os.urandom(2 * MEGABYTE + 5)
    with opened() as sandbox:
        for offset in range(0, len(content), MEGABYTE):
            part = content[offset : offset + MEGABYTE]
            last = offset + MEGABYTE >= len(content)
            write = sandbox.session.write("big", part, offset=offset, last=last, executable=False)
            sandbox.wait(write)
        digest = sandbox.run("sha256sum", "big").stdout.split()[0]
        assert digest == hashlib.sha256(content).hexdigest()
        read = b""
        while part := sandbox.wait(sandbox.session.read("big", len(read))):
            read += part
        assert read == content
