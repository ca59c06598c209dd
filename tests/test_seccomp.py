"""The filter of system calls: read as the kernel would, for every kind of machine."""

import struct

import pytest

from lamplighter.sandbox.seccomp import DENIED, FAMILIES, build_filter, is_supported

ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL = 0x7FFF0000, 0x80000000
CLONE, CLONE3, IOCTL, SOCKET = (56, 220), (435, 435), (16, 29), (41, 198)


def judge(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """Run the program on one call, as in ``seccomp(2)``; what it says."""
    given = list(arguments) + [0] * (6 - len(arguments))
    call = struct.pack("<iIQ6Q", number, arch or ARCH[machine], 0, *given)
    code = list(struct.iter_unpack("<HBBI", build_filter(machine)))
    accumulator, here = 0, 0
    while True:
        operation, then, otherwise, value = code[here]
        here += 1
        match operation:
            case 0x20:
                [accumulator] = struct.unpack_from("<I", call, value)
            case 0x06:
                return int(value)
            case _:
                holds = {
                    0x15: accumulator == value,
                    0x35: accumulator >= value,
                    0x45: bool(accumulator & value),
                }[operation]
                here += then if holds else otherwise


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def which(machine: str, numbers: tuple[int, int]) -> int:
    return numbers[machine == "aarch64"]


def test_every_call_of_the_list_fails_with_an_error(machine: str) -> None:
    for name, numbers in DENIED.items():
        assert judge(machine, which(machine, numbers)) == 0x50001, name


def test_what_programs_need_is_allowed(machine: str) -> None:
    needed = {"read": (0, 63), "write": (1, 64), "execve": (59, 221), "openat": (257, 56)}
    for name, numbers in needed.items():
        assert judge(machine, which(machine, numbers), 1, 2, 3) == ALLOW, name


def test_another_kind_of_call_is_deadly(machine: str) -> None:
    assert judge(machine, 1, arch=0x40000003) == KILL  # i386
    assert judge("x86_64", 0x40000000 + 1) == KILL  # x32


def test_processes_are_made_but_no_namespaces(machine: str) -> None:
    clone = which(machine, CLONE)
    assert judge(machine, clone, 17) == ALLOW
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert judge(machine, clone, 17 | flag) == 0x50001
    assert judge(machine, which(machine, CLONE3)) == 0x50026


def test_only_the_families_of_the_list_have_sockets(machine: str) -> None:
    for family in range(50):
        said = judge(machine, which(machine, SOCKET), family, 1)
        assert said == (ALLOW if family in FAMILIES else 0x50061), family


def test_the_terminal_is_not_typed_into_whatever_the_upper_half(machine: str) -> None:
    ioctl = which(machine, IOCTL)
    for request in (0x5412, 0x541C, 0x1_0000_5412):
        assert judge(machine, ioctl, 0, request) == 0x50001
    assert judge(machine, ioctl, 0, 0x5401) == ALLOW


def test_other_machines_have_no_filter_and_so_no_sandbox() -> None:
    assert not is_supported("riscv64")
