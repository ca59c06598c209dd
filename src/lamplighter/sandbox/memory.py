"""How much memory a sandbox uses, where no cgroup counts it.

Everything in a sandbox that could hold memory without being seen here is denied by ``seccomp``
or bounded by a limit; see there.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
INODE_BYTES = 1024
"""What an empty file costs the kernel, roughly."""

FOLDERS = ("workspace", "tmp", "dev/shm", "run")
"""The file systems of a sandbox that are in memory."""


class MemoryUse:
    """The memory of a process, of all below it, and of its files.

    Args:
        first: The sandbox's first process.
        further: Absolute paths of folders that are in memory besides.
    """

    def __init__(self, first: int, further: Sequence[str] = ()) -> None:
        self.first = first
        self.folders = (*FOLDERS, *(folder.lstrip("/") for folder in further))

    def exceeds(self, most: int) -> bool:
        """Whether it is more than ``most`` bytes; ``False`` if the sandbox is gone."""
        files = sum(self._file_bytes())
        processes = list(self._processes())
        if files + sum(map(_resident_bytes, processes)) <= most:
            return False
        # Pages that several processes share were counted for each; this is slower, but exact.
        return files + sum(map(_proportional_bytes, processes)) > most

    def _processes(self) -> Iterator[int]:
        waiting = [self.first]
        while waiting:
            process = waiting.pop()
            yield process
            with suppress(OSError):
                for task in Path(f"/proc/{process}/task").iterdir():
                    waiting += map(int, (task / "children").read_text().split())

    def _file_bytes(self) -> Iterator[int]:
        for folder in self.folders:
            with suppress(OSError):
                status = os.statvfs(f"/proc/{self.first}/root/{folder}")
                yield (status.f_blocks - status.f_bfree) * status.f_frsize
                yield (status.f_files - status.f_ffree) * INODE_BYTES


def _resident_bytes(process: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE_BYTES
    return 0


def _proportional_bytes(process: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return _resident_bytes(process)
