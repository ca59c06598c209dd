"""Whether a sandbox really holds: asked from the inside, before anything else runs in one."""

import json
from typing import TYPE_CHECKING

from lamplighter.errors import SandboxLost, SandboxUnavailable, ToolFailed
from lamplighter.sandbox.bounds import Bounds

if TYPE_CHECKING:
    from lamplighter.sandbox.sandbox import Backend

_LOOK = """
import json, os, socket
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "user": os.getuid(),
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "no new privileges": status["NoNewPrivs"].strip(),
    "filtered system calls": status["Seccomp"].strip(),
    "parent": os.getppid(),
    "network": sorted(name for _, name in socket.if_nameindex()),
    "writable": [path for path in ("/", "/usr", "/etc", "/dev") if os.access(path, os.W_OK)],
}))
"""
_EXPECTED = {
    "user": 65534,
    "capabilities": 0,
    "no new privileges": "1",
    "filtered system calls": "2",
    "parent": 1,
    "network": ["lo"],
    "writable": [],
}


async def examine(backend: "Backend") -> str:
    """What does not hold in a sandbox of this backend; empty if everything does.

    Raises:
        SandboxUnavailable: None can be opened.
    """
    sandbox = await backend.open(Bounds(command_seconds=10))
    try:
        finished = await sandbox.exec([backend.interpreter.program, "-I", "-S", "-c", _LOOK])
        found = json.loads(finished.stdout) if finished.code == 0 else {}
    except (SandboxLost, ToolFailed) as error:
        raise SandboxUnavailable(f"nothing can run in it: {error}") from error
    finally:
        await sandbox.close()
    wrong = [
        f"{what} {found.get(what)} instead of {expected}"
        for what, expected in _EXPECTED.items()
        if found.get(what) != expected
    ]
    return f"it does not protect: {', '.join(wrong)}" if wrong else ""
