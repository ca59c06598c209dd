"""The system calls that a sandbox may not make, as a BPF program for the kernel's seccomp.

Everything is allowed but what a guest never needs and what attacks on kernels begin with. What is
denied fails with an error, so that a program can say so. Layout: ``seccomp(2)``; numbers: the
kernel's ``unistd.h`` of each machine.
"""

import platform
import struct

_X86_64, _AARCH64 = 0, 1
_MACHINES = {"x86_64": _X86_64, "aarch64": _AARCH64, "arm64": _AARCH64}
_AUDIT_ARCH = (0xC000003E, 0xC00000B7)
_X32_BIT = 0x40000000

EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97

DENIED = {
    # Looking into other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "perf_event_open": (298, 241),
    # Mounts and namespaces.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    # Large and young parts of the kernel.
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    # Memory that no process is seen to have, so that no limit would count it.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    # Limits and order of the first process are the host's affair, and so is the machine.
    "sched_setattr": (314, 274),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "personality": (135, 92),
    "lookup_dcookie": (212, 18),
}
"""Name -> number on x86_64, on aarch64."""

_ONLY_X86_64 = (172, 173, 154, 134, 156, 180, 153, 136, 139)
"""iopl, ioperm, modify_ldt, uselib, _sysctl, nfsservctl, vhangup, ustat, sysfs."""

_SOCKET, _SOCKETPAIR = (41, 198), (53, 199)
_CLONE, _CLONE3, _IOCTL = (56, 220), (435, 435), (16, 29)
_PRLIMIT = (302, 261)

FAMILIES = (1, 2, 10, 16)
"""Of sockets: UNIX, INET, INET6, NETLINK. AF_VSOCK, which reaches the host's host, is none."""

_NEW_NAMESPACES = 0x7E020000
_TERMINAL_INPUT = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX put characters into the terminal's input (CVE-2017-5226)."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_AT_NUMBER, _AT_ARCH, _AT_ARGUMENTS = 0, 4, 16


class Program:
    """A BPF program that grows by instructions; jumps count those to skip."""

    def __init__(self) -> None:
        self.code: list[tuple[int, int, int, int]] = []

    def add(self, operation: int, value: int, then: int = 0, otherwise: int = 0) -> None:
        """One instruction."""
        self.code.append((operation, then, otherwise, value))

    def deny(self, number: int, error: int) -> None:
        """One system call, whatever its arguments; its number is loaded."""
        self.add(_EQUAL, number, 0, 1)
        self.add(_RETURN, _ERRNO | error)

    def load_argument(self, position: int) -> None:
        """The lower half of an argument: all that the kernel looks at in those we ask about."""
        self.add(_LOAD, _AT_ARGUMENTS + 8 * position)

    def dump(self) -> bytes:
        """As the kernel reads it."""
        return b"".join(struct.pack("<HBBI", *instruction) for instruction in self.code)


def is_supported(machine: str | None = None) -> bool:
    """Whether there is a filter for this kind of machine."""
    return (machine or platform.machine()) in _MACHINES


def build_filter(machine: str | None = None) -> bytes:
    """The program for a machine; by default for this one.

    Raises:
        KeyError: There is none for such machines.
    """
    kind = _MACHINES[machine or platform.machine()]
    program = Program()
    program.add(_LOAD, _AT_ARCH)
    program.add(_EQUAL, _AUDIT_ARCH[kind], 1, 0)
    program.add(_RETURN, _KILL)
    program.add(_LOAD, _AT_NUMBER)
    denied = {numbers[kind] for numbers in DENIED.values()}
    if kind == _X86_64:
        program.add(_AT_LEAST, _X32_BIT, 0, 1)
        program.add(_RETURN, _KILL)
        denied.update(_ONLY_X86_64)
    for number in sorted(denied):
        program.deny(number, EPERM)
    program.deny(_CLONE3[kind], ENOSYS)  # its flags are out of reach; libraries then use clone
    _deny_new_namespaces(program, _CLONE[kind])
    _deny_terminal_input(program, _IOCTL[kind])
    _deny_limits_of_others(program, _PRLIMIT[kind])
    _allow_families(program, _SOCKET[kind])
    _allow_families(program, _SOCKETPAIR[kind])
    program.add(_RETURN, _ALLOW)
    return program.dump()


def _deny_new_namespaces(program: Program, clone: int) -> None:
    program.add(_EQUAL, clone, 0, 4)
    program.load_argument(0)
    program.add(_ANY_BIT, _NEW_NAMESPACES, 0, 1)
    program.add(_RETURN, _ERRNO | EPERM)
    program.add(_RETURN, _ALLOW)


def _deny_terminal_input(program: Program, ioctl: int) -> None:
    program.add(_EQUAL, ioctl, 0, 5)
    program.load_argument(1)
    program.add(_EQUAL, _TERMINAL_INPUT[0], 1, 0)
    program.add(_EQUAL, _TERMINAL_INPUT[1], 0, 1)
    program.add(_RETURN, _ERRNO | EPERM)
    program.add(_RETURN, _ALLOW)


def _deny_limits_of_others(program: Program, prlimit: int) -> None:
    """A process may change its own limits; of others, only the helper's are worth changing."""
    program.add(_EQUAL, prlimit, 0, 4)
    program.load_argument(0)
    program.add(_EQUAL, 1, 0, 1)  # the first process: the helper
    program.add(_RETURN, _ERRNO | EPERM)
    program.add(_RETURN, _ALLOW)


def _allow_families(program: Program, call: int) -> None:
    count = len(FAMILIES)
    program.add(_EQUAL, call, 0, count + 3)
    program.load_argument(0)
    for position, family in enumerate(FAMILIES):
        program.add(_EQUAL, family, count - position, 0)
    program.add(_RETURN, _ERRNO | EAFNOSUPPORT)
    program.add(_RETURN, _ALLOW)
