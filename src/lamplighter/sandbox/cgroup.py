"""A control group of a sandbox's own, where this process may make one: the kernel then counts.

Version 2 wants a parent without processes whose children have the controllers; that is the
nearest one above ours, in a session or a service of systemd. Version 1 wants nothing but rights.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lamplighter.sandbox.bounds import Bounds

ROOT = Path("/sys/fs/cgroup")
PREFIX = "lamplighter-"
PROCESSES = "cgroup.procs"


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The folders of one group: one in version 2, one for each controller in version 1."""

    folders: tuple[Path, ...]

    def count_kills(self) -> int:
        """How many processes were killed for want of memory so far."""
        for folder in self.folders:
            for file in ("memory.events", "memory.oom_control"):
                with suppress(OSError):
                    for line in (folder / file).read_text().splitlines():
                        if line.startswith("oom_kill "):
                            return int(line.split()[1])
        return 0

    def remove(self) -> None:
        """Remove it, once nothing is in it."""
        for folder in self.folders:
            with suppress(OSError):
                folder.rmdir()


def make_cgroup(bounds: Bounds, process: int) -> Cgroup | None:
    """A group with bounds for memory and processes, and ``process`` in it; ``None``: not here."""
    name = f"{PREFIX}{os.getpid()}-{uuid.uuid4().hex}"
    values = {
        "memory.max": str(bounds.memory_bytes),
        "memory.swap.max": "0",
        "memory.limit_in_bytes": str(bounds.memory_bytes),
        "memory.memsw.limit_in_bytes": str(bounds.memory_bytes),
        "pids.max": str(bounds.processes + 1),
    }
    made: list[Path] = []
    try:
        for parent in _parents():
            _sweep(parent)
            folder = parent / name
            folder.mkdir()
            made.append(folder)
            for file, value in values.items():
                if (folder / file).exists():
                    (folder / file).write_text(value)
            (folder / PROCESSES).write_text(str(process))
    except OSError:
        Cgroup(tuple(made)).remove()
        return None
    return Cgroup(tuple(made)) if made else None


def _sweep(parent: Path) -> None:
    """Remove the groups of processes that were killed; one that is in use cannot go."""
    for folder in parent.glob(f"{PREFIX}*"):
        if not os.path.exists(f"/proc/{folder.name.split('-')[1]}"):
            with suppress(OSError):
                folder.rmdir()


def _parents() -> Iterator[Path]:
    """Where to make groups so that memory is counted."""
    groups = dict(_own_groups())
    if "memory" in groups:
        for controller in ("memory", "pids"):
            if controller in groups:
                yield ROOT / controller / groups[controller].lstrip("/")
        return
    for folder in _upwards(groups.get("", "/")):
        with suppress(OSError):
            offered = (folder / "cgroup.subtree_control").read_text().split()
            if {"memory", "pids"} <= set(offered):
                yield folder
                return


def _own_groups() -> Iterator[tuple[str, str]]:
    """Controller, or nothing for version 2, and our group."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _upwards(path: str) -> Iterator[Path]:
    folder = ROOT / path.lstrip("/")
    while folder.is_relative_to(ROOT) and os.path.exists(folder):
        yield folder
        folder = folder.parent
