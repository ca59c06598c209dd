"""The program inside a sandbox: its first process, speaking JSON lines with the host.

It is handed over as text and imports nothing but the standard library; the host imports from
it only names. Requests come on standard input, one at a time, replies go to standard output.
After each command everything else in here is killed, so whatever reads and writes files below
races with nobody. The host trusts no reply: it checks names, sizes and hashes itself.
"""

from __future__ import annotations

import binascii
import ctypes
import hashlib
import json
import os
import resource
import selectors
import signal
import stat
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False  # each import that can be spared makes opening a sandbox quicker
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from typing import Any

WORKSPACE = "/workspace"
HOME = "/tmp/home"  # noqa: S108 -- inside the sandbox
SKELETON = "/opt/toolbox/home"
PROXY_SOCKET = "/run/proxy.sock"
PROXY_PORT = 3128
SNIPPET = "/tmp/snippet.py"  # noqa: S108 -- inside the sandbox

MAX_FILES = 5_000
"""Files that a workspace may hold when a command has ended."""

CHUNK_BYTES = 1 << 20
"""The most that one read or write carries."""

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38
SECCOMP_MODE_FILTER = 2

Entry = tuple[str, int, bool]
"""SHA-256, size in bytes, whether it is executable."""


class Requests:
    """The host's lines, also while a command runs."""

    def __init__(self) -> None:
        self.pending = b""

    def read_more(self) -> bool:
        """Take what has come; whether there is a whole line now."""
        arrived = os.read(0, 1 << 20)
        if not arrived:
            os._exit(0)  # the host is gone
        self.pending += arrived
        return b"\n" in arrived

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while True:
            while b"\n" not in self.pending:
                self.read_more()
            line, _, self.pending = self.pending.partition(b"\n")
            yield json.loads(line)

    def drop_line(self) -> None:
        """Forget a line that has done its work."""
        self.pending = self.pending.partition(b"\n")[2]


class Stream:
    """One output of a command: kept up to a bound, and counted beyond it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.kept = bytearray()
        self.size = 0

    def add(self, arrived: bytes) -> None:
        """Take what has arrived, and keep what fits."""
        self.kept += arrived[: self.most - len(self.kept)]
        self.size += len(arrived)


class Command:
    """One command, from its start until nothing is left of it."""

    def __init__(self, requests: Requests, request: dict[str, Any]) -> None:
        self.requests = requests
        self.ends_at = time.monotonic() + request["timeout"]
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        try:
            self.pid = _spawn(request["argv"], out_end, err_end)
        except OSError as error:
            os.close(out)
            os.close(err)
            raise OSError(error.errno, error.strerror, request["argv"][0]) from None
        finally:
            os.close(out_end)
            os.close(err_end)
        seconds = int(request["cpu"])
        with suppress(ProcessLookupError):
            resource.prlimit(self.pid, resource.RLIMIT_CPU, (seconds, seconds))
        with suppress(OSError), open(f"/proc/{self.pid}/oom_score_adj", "w") as file:
            file.write("1000")  # the command is to die of it, not this program
        self.code: int | None = None
        self.streams = {out: Stream(request["output"]), err: Stream(request["output"])}

    def finish(self) -> dict[str, Any]:
        """Follow it to its end; what came of it."""
        ended = self._follow()
        out, err = self.streams.values()
        return {
            "ended": ended,
            "code": self.code,
            "stdout": out.kept.decode(errors="replace"),
            "stderr": err.kept.decode(errors="replace"),
            "stdout_bytes": out.size,
            "stderr_bytes": err.size,
        }

    def _follow(self) -> str:
        """Keep what it says, until it ends or has to; how it ended."""
        exited = os.pidfd_open(self.pid)
        with selectors.DefaultSelector() as selector:
            for pipe in self.streams:
                os.set_blocking(pipe, False)
            for file in (0, exited, *self.streams):
                selector.register(file, selectors.EVENT_READ)
            while (ended := self._look(selector, exited)) is None:
                pass
        os.close(exited)
        if ended == "exit":
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        sweep()  # now nobody can write any more, so what is in the pipes is the rest
        for pipe in self.streams:
            while self._drain(pipe):
                pass
            os.close(pipe)
        return ended

    def _look(self, selector: selectors.BaseSelector, exited: int) -> str | None:
        """Wait for something to happen; how the command ended, if it has."""
        left = self.ends_at - time.monotonic()
        if left <= 0:
            return "timeout"
        for key, _ in selector.select(left):
            if key.fd == exited:
                # Something left in the background may hold the pipes open: the exit counts.
                return "exit"
            if key.fd == 0:
                if self.requests.read_more():
                    self.requests.drop_line()  # the only thing to say now is: stop
                    return "stopped"
            elif not self._drain(key.fd):
                selector.unregister(key.fd)
        return None

    def _drain(self, pipe: int) -> bool:
        """Take what is there; whether there may be more."""
        try:
            arrived = os.read(pipe, 1 << 16)
        except BlockingIOError:
            return False  # somebody hid its other end in a socket
        self.streams[pipe].add(arrived)
        return bool(arrived)


def _spawn(argv: list[str], out: int, err: int) -> int:
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, out, 1),
        (os.POSIX_SPAWN_DUP2, err, 2),
    ]
    defaults = [signal.SIGPIPE, signal.SIGXFSZ]  # which Python ignores
    return os.posix_spawnp(
        argv[0], argv, os.environ, file_actions=actions, setsid=True, setsigdef=defaults
    )


def sweep() -> None:
    """Kill everything else in here, and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


class Workspace:
    """The files: what the host knows of them, and what has changed since.

    Args:
        top: What their paths are relative to.
        folders: Those that they lie in; nothing else is looked at.
    """

    def __init__(self, top: str, folders: list[str]) -> None:
        self.top = top
        self.folders = folders
        self.known: dict[str, tuple[object, Entry]] = {}

    def changes(self, request: dict[str, Any]) -> dict[str, Any]:
        """What is different from what the host knows."""
        found: dict[str, tuple[object, Entry]] = {}
        left_out: list[str] = []
        for path in self._walk(left_out):
            if len(found) > request["most"]:
                raise OSError(f"more than {request['most']} files")
            try:
                found[path] = self._examine(path)
            except (OSError, ValueError):
                left_out.append(path)
        changed = {
            path: entry
            for path, (_, entry) in found.items()
            if path not in self.known or self.known[path][1] != entry
        }
        unseen = tuple(f"{path}/" for path in left_out) if request["cautious"] else ()
        gone = [
            path for path in self.known if path not in found and not f"{path}/".startswith(unseen)
        ]
        self.known = found
        return {"changed": changed, "gone": gone, "left_out": [_spell(p) for p in left_out[:20]]}

    def _examine(self, path: str) -> tuple[object, Entry]:
        """What tells whether a file was touched, and what it holds."""
        path.encode()  # a name that is no text cannot be kept
        file = self._open(path)
        try:
            status = os.fstat(file)
            # The time of a change cannot be set by anybody in here.
            mark = (status.st_ino, status.st_ctime_ns, status.st_size)
            earlier = self.known.get(path)
            if earlier and earlier[0] == mark:
                return earlier
            with os.fdopen(os.dup(file), "rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            return mark, (sha256, status.st_size, bool(status.st_mode & stat.S_IXUSR))
        finally:
            os.close(file)

    def read(self, request: dict[str, Any]) -> dict[str, Any]:
        """A part of a file."""
        file = self._open(request["path"])
        with os.fdopen(file, "rb") as stream:
            stream.seek(request["offset"])
            return {"data": binascii.b2a_base64(stream.read(CHUNK_BYTES), newline=False).decode()}

    def write(self, request: dict[str, Any]) -> dict[str, Any]:
        """A part of a file; at offset 0 the file begins anew."""
        path, content = request["path"], binascii.a2b_base64(request["data"])
        if not request["offset"]:
            self.remove(request)
            os.makedirs(os.path.dirname(self._place(path)), exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
        mode = 0o700 if request["executable"] else 0o600
        file = os.open(self._place(path), flags, mode)
        with os.fdopen(file, "wb") as stream:
            stream.write(content)
        if request["last"]:
            if request["modified"]:
                os.utime(self._place(path), ns=(request["modified"], request["modified"]))
            self.known[path] = self._examine(path)
        return {}

    def remove(self, request: dict[str, Any]) -> dict[str, Any]:
        """Make room where a file is to be, or was: for the host only its own files count."""
        self.known.pop(request["path"], None)
        parts = request["path"].split("/")
        for depth in range(1, len(parts) + 1):
            place = os.path.join(self.top, *parts[:depth])
            is_folder = os.path.isdir(place) and not os.path.islink(place)
            if depth == len(parts) and is_folder:
                _remove_folder(place)
            elif os.path.lexists(place) and not (is_folder and depth < len(parts)):
                os.unlink(place)
        return {}

    def seal(self, request: dict[str, Any]) -> dict[str, Any]:
        """Make folders, and let programs write to some of them only."""
        for path in request["folders"]:
            os.makedirs(self._place(path), exist_ok=True)
        writable = [self._place(path) for path in request["writable"]]
        for top in self.folders:
            for folder, _, files in os.walk(top, topdown=False):
                for place in (*(os.path.join(folder, name) for name in files), folder):
                    if any(place == each or place.startswith(f"{each}/") for each in writable):
                        continue
                    with suppress(PermissionError):  # the top of it may be an engine's
                        os.chmod(place, os.stat(place).st_mode & 0o555)
        return {}

    def _place(self, path: str) -> str:
        return os.path.join(self.top, path)

    def _walk(self, left_out: list[str]) -> Iterator[str]:
        """The paths of all ordinary files; folders that a link leads to are not entered."""
        waiting = list(self.folders)
        while waiting:
            folder = waiting.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError:  # shut, or too deep
                left_out.append(os.path.relpath(folder, self.top))
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield os.path.relpath(entry.path, self.top)
                else:
                    left_out.append(os.path.relpath(entry.path, self.top))

    def _open(self, path: str) -> int:
        # NONBLOCK, or opening a pipe would wait for ever.
        file = os.open(self._place(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError("no ordinary file")
        return file


def _remove_folder(folder: str) -> None:
    for root, folders, files in os.walk(folder, topdown=False):
        for name in files:
            os.unlink(os.path.join(root, name))
        for name in folders:
            place = os.path.join(root, name)
            os.unlink(place) if os.path.islink(place) else os.rmdir(place)
    os.rmdir(folder)


def _spell(path: str) -> str:
    return path.encode(errors="replace").decode()


class Helper:
    """Does what the host asks for."""

    def __init__(self, workspace: Workspace) -> None:
        self.requests = Requests()
        self.workspace = workspace
        self.answers = os.fdopen(os.dup(1), "w")

    def serve(self) -> None:
        """For ever; the sandbox ends with this process."""
        self.reply({"ready": True, "python": sys.version.split()[0]})
        does: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
            "exec": self.exec,
            "changes": self.workspace.changes,
            "read": self.workspace.read,
            "write": self.workspace.write,
            "remove": self.workspace.remove,
            "seal": self.workspace.seal,
            "stop": lambda _request: None,  # it came after the end of what it was to stop
        }
        for request in self.requests:
            try:
                answer = does[request["op"]](request)
            except (OSError, ValueError, MemoryError, RecursionError) as error:
                answer = {"error": f"{error}" or type(error).__name__}
            if answer is not None:
                self.reply(answer)

    def reply(self, answer: dict[str, Any]) -> None:
        """Say one line."""
        self.answers.write(json.dumps(answer) + "\n")
        self.answers.flush()

    def exec(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run a command to its end."""
        if request.get("snippet") is not None:
            with suppress(FileNotFoundError):
                os.unlink(SNIPPET)
            with open(SNIPPET, "x", encoding="utf-8") as file:
                file.write(request["snippet"])
        try:
            return Command(self.requests, request).finish()
        finally:
            sweep()


def forward_to_proxy() -> None:
    """Let programs in here, which know only TCP, speak with the proxy on its UNIX socket."""
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", PROXY_PORT))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while arrived := source.recv(1 << 16):
                sink.sendall(arrived)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def carry(client: socket.socket) -> None:
        proxy = socket.socket(socket.AF_UNIX)
        with client, proxy, suppress(OSError):
            proxy.connect(PROXY_SOCKET)
            back = threading.Thread(target=pump, args=(proxy, client), daemon=True)
            back.start()
            pump(client, proxy)
            back.join()

    def accept() -> None:
        while True:
            with suppress(OSError, RuntimeError):  # too many; the next one may find room
                threading.Thread(target=carry, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def install_filter(program: bytes) -> None:
    """Let the kernel refuse system calls, where whoever started this has not done so."""

    class Code(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    buffer = ctypes.create_string_buffer(program, len(program))
    code = Code(len(program) // 8, ctypes.addressof(buffer))
    prctl: Any = ctypes.CDLL(None, use_errno=True).prctl
    refused = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(code), 0, 0
    )
    if refused:
        raise OSError(ctypes.get_errno(), "the system call filter was refused")


def _copy_skeleton() -> None:
    """Put what the toolbox has prepared where programs look for it, and may change it."""
    for folder, _, names in os.walk(SKELETON):
        place = HOME + folder.removeprefix(SKELETON)
        os.makedirs(place)
        for name in names:
            with open(os.path.join(folder, name), "rb") as source:
                content = source.read()
            with open(os.path.join(place, name), "wb") as file:
                file.write(content)


def confine(limits: dict[str, int]) -> None:
    """Set the limits of everything in here, this process included."""
    for name, most in limits.items():
        resource.setrlimit(getattr(resource, name), (most, most))
    # Nobody in here may look into this process, though all have its user.
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which the first process of a sandbox ignores


def main() -> None:
    """Serve the host until it is gone."""
    setting = json.loads(sys.argv[1])
    confine(setting["limits"])
    if "filter" in setting:
        install_filter(binascii.a2b_base64(setting["filter"]))
    os.umask(0o077)
    if os.path.isdir(SKELETON):
        _copy_skeleton()
    os.makedirs(HOME, exist_ok=True)
    os.chdir(WORKSPACE)
    mirrored = setting.get("mirrored")
    helper = Helper(Workspace("/", mirrored) if mirrored else Workspace(WORKSPACE, [WORKSPACE]))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    if setting["network"]:
        forward_to_proxy()
    os.dup2(nothing, 2)
    os.close(nothing)
    helper.serve()


if __name__ == "__main__":
    main()
