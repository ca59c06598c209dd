"""What a sandbox may use."""

from dataclasses import dataclass

MEGABYTE = 1 << 20
OPEN_FILES = 256
TEMPORARY_BYTES = 64 * MEGABYTE
"""Of ``/tmp``, which is not kept."""

SHARED_BYTES = 16 * MEGABYTE
"""Of ``/dev/shm``."""

RUN_BYTES = MEGABYTE
"""Of ``/run``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The bounds of one sandbox.

    Attributes:
        command_seconds: Wall time of one command.
        memory_bytes: Of all processes and temporary files together.
        processes: At once, threads included.
        disk_bytes: Of ``/workspace``.
        output_bytes: Of a command's standard output that are kept, and as many of its errors.
    """

    command_seconds: float = 30
    memory_bytes: int = 512 * MEGABYTE
    processes: int = 64
    disk_bytes: int = 256 * MEGABYTE
    output_bytes: int = 100_000

    @property
    def cpu_seconds(self) -> int:
        """Of one process: more than a command can use on two cores, unless its clock is wrong."""
        return int(self.command_seconds * 2) + 1

    @property
    def resource_limits(self) -> dict[str, int]:
        """The names and values of ``setrlimit(2)`` that hold for each process."""
        return {
            "RLIMIT_AS": 2 * self.memory_bytes,
            "RLIMIT_NPROC": self.processes + 1,  # the helper is one
            # Above what fits: a full disk is an error that programs know what to do with.
            "RLIMIT_FSIZE": max(self.disk_bytes, TEMPORARY_BYTES) + MEGABYTE,
            "RLIMIT_NOFILE": OPEN_FILES,
            "RLIMIT_CORE": 0,
        }
