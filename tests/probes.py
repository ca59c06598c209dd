"""Attempts to get out of a sandbox; each is a function that gives something if it got through.

The text of this module is what runs, inside and, for the ``harmless`` ones, also outside, where
they have to get through: so a probe that could never fail is found out. ``HOST`` says what there
is outside. Nothing here does harm where it gets through.
"""

import ctypes
import errno
import glob
import os
import platform
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from typing import Any

HOST: dict[str, Any] = {}
Attempt = Callable[[], object]
PROBES: dict[str, Attempt] = {}
HARMLESS: set[str] = set()
LIBC = ctypes.CDLL(None, use_errno=True)
X86_64 = platform.machine() == "x86_64"
BROKEN = ctypes.c_void_p(8)
"""An address that nothing is at."""


def inside(attempt: Attempt) -> Attempt:
    """A probe that is only run inside."""
    PROBES[attempt.__name__] = attempt
    return attempt


def harmless(attempt: Attempt) -> Attempt:
    """A probe that also has to get through outside."""
    HARMLESS.add(attempt.__name__)
    return inside(attempt)


def run(names: list[str]) -> None:
    """Make attempts, each in a process of its own, and say what came of them."""
    for name in names:
        sys.stdout.flush()
        if child := os.fork():
            os.waitpid(child, 0)
            continue
        signal.alarm(10)
        try:
            through = PROBES[name]()
        except Exception as error:  # noqa: BLE001 -- whatever it was, it did not get through
            print(name, "HELD", repr(error))  # noqa: T201
        else:
            print(name, "THROUGH" if through else "HELD", repr(through))  # noqa: T201
        sys.stdout.flush()
        os._exit(0)


def holds(path: str, wanted: str) -> bool:
    """Whether a file can be read and holds a text."""
    try:
        with open(path, "rb") as file:
            return wanted.encode() in file.read(1 << 20)
    except OSError:
        return False


def call(x86_64: int, aarch64: int, *arguments: Any) -> bool:
    """Make a system call; whether it was let through: any answer but the filter's."""
    number = x86_64 if X86_64 else aarch64
    ctypes.set_errno(0)
    given = LIBC.syscall(number, *arguments)
    return given >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS, errno.EACCES)


def written(path: str) -> bool:
    with open(path, "w") as file:
        file.write("x")
    return True


def answers(family: int, address: Any, kind: int = socket.SOCK_STREAM) -> bytes:
    """What somebody at an address says."""
    with socket.socket(family, kind) as client:
        client.settimeout(3)
        client.connect(address)
        if kind == socket.SOCK_DGRAM:
            client.send(b"?")
        return client.recv(10)


# --- Files ---


@harmless
def read_a_secret_file() -> object:
    return holds(HOST["secret_file"], HOST["secret"])


@harmless
def read_the_users_of_the_host() -> object:
    return holds("/etc/passwd", "root:")


@harmless
def see_the_home_of_the_host() -> object:
    return os.path.isdir(HOST["home"])


@harmless
def see_the_hosts_temporary_files() -> object:
    return os.path.exists(HOST["marker"])


@harmless
def see_the_hosts_state() -> object:
    return os.path.isdir("/var/lib")


@harmless
def see_the_hosts_run_folder() -> object:
    return set(os.listdir("/run")) - {"proxy.sock"}


@harmless
def see_the_hosts_devices() -> object:
    return os.path.isdir("/sys/class")


@harmless
def see_the_hosts_name() -> object:
    return socket.gethostname() == HOST["name"]


@harmless
def read_through_the_victims_folder() -> object:
    return holds(f"/proc/{HOST['victim']}/cwd/secret.txt", HOST["secret"])


@harmless
def read_through_the_victims_root() -> object:
    return holds(f"/proc/{HOST['victim']}/root{HOST['secret_file']}", HOST["secret"])


@harmless
def find_a_secret_through_any_process() -> object:
    found = (
        holds(f"{root}{HOST['secret_file']}", HOST["secret"])
        for root in glob.glob("/proc/[0-9]*/root")
    )
    return any(found)


@inside
def read_another_runs_file() -> object:
    return [
        path
        for path in glob.glob("/proc/[0-9]*/root/workspace/other.txt")
        + glob.glob("/workspace/other.txt")
        if os.path.exists(path)
    ]


@inside
def write_into_usr() -> object:
    return written("/usr/planted")


@inside
def write_into_the_root() -> object:
    return written("/planted")


@inside
def write_into_etc() -> object:
    return written("/etc/planted")


@inside
def change_the_users() -> object:
    return written("/etc/passwd")


@inside
def write_into_dev() -> object:
    return written("/dev/planted")


@inside
def write_into_the_toolbox() -> object:
    return written("/opt/toolbox/planted")


@inside
def change_the_helper() -> object:
    return written("/opt/lamplighter.py")


@inside
def remove_what_is_read_only() -> object:
    os.rename("/usr/bin/env", "/usr/bin/env2")
    return True


@inside
def make_a_device() -> object:
    os.mknod("/tmp/disk", 0o600 | stat.S_IFBLK, os.makedev(254, 0))
    return True


@inside
def read_the_kernels_memory() -> object:
    return [
        path for path in ("/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore") if holds(path, "")
    ]


@inside
def see_disks() -> object:
    return [name for name in os.listdir("/dev") if stat.S_ISBLK(os.stat(f"/dev/{name}").st_mode)]


@inside
def change_the_kernels_settings() -> object:
    return written("/proc/sys/kernel/core_pattern")


@inside
def press_the_system_request_key() -> object:
    return os.access("/proc/sysrq-trigger", os.W_OK)


@inside
def speak_with_a_container_engine() -> object:
    return [
        path for path in ("/var/run/docker.sock", "/run/podman/podman.sock") if os.path.exists(path)
    ]


# --- Environment and descriptors ---


@harmless
def find_a_secret_in_the_environment() -> object:
    return HOST["secret"] in os.environ.values()


@harmless
def find_a_secret_in_any_environment() -> object:
    return [path for path in glob.glob("/proc/[0-9]*/environ") if holds(path, HOST["secret"])]


@harmless
def find_a_secret_in_any_command_line() -> object:
    return [path for path in glob.glob("/proc/[0-9]*/cmdline") if holds(path, HOST["argument"])]


@inside
def read_the_helpers_environment() -> object:
    return holds("/proc/1/environ", "")


@inside
def read_the_helpers_memory() -> object:
    return holds("/proc/1/maps", "") or holds("/proc/1/mem", "")


@inside
def use_the_helpers_descriptors() -> object:
    return os.listdir("/proc/1/fd")


@inside
def speak_for_the_helper() -> object:
    with open("/proc/1/fd/1", "w") as answers_:
        answers_.write("{}")
    return True


@inside
def find_descriptors_left_open() -> object:
    with os.scandir("/proc/self/fd") as entries:
        return [entry.name for entry in entries if int(entry.name) > 3]


@inside
def open_the_terminal() -> object:
    return os.open("/dev/tty", os.O_RDWR)


# --- Processes and signals ---


@harmless
def see_the_victim() -> object:
    return holds(f"/proc/{HOST['victim']}/cmdline", HOST["argument"])


@harmless
def signal_the_victim() -> object:
    os.kill(HOST["victim"], 18)  # SIGCONT, which does nothing to who runs
    return True


@harmless
def hold_the_victim() -> object:
    return os.pidfd_open(HOST["victim"])


@harmless
def ask_for_the_victims_limits() -> object:
    import resource

    return resource.prlimit(HOST["victim"], resource.RLIMIT_NOFILE)


@inside
def kill_the_helper() -> object:
    os.kill(1, 9)
    os.kill(1, 15)
    os.kill(1, 2)
    os.kill(1, 19)
    return False  # whether it lives, the next command shows


@inside
def slow_the_helper_down() -> object:
    os.setpriority(os.PRIO_PROCESS, 1, 19)
    return True


@inside
def take_the_helpers_turn() -> object:
    os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))
    return True


@inside
def bind_the_helper() -> object:
    import resource

    resource.prlimit(1, resource.RLIMIT_NOFILE, (3, 3))
    return True


@inside
def raise_a_limit() -> object:
    import resource

    resource.setrlimit(resource.RLIMIT_NPROC, (10_000, 10_000))
    return True


@inside
def be_spared_when_memory_is_short() -> object:
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("-1000")
    return True


# --- Who one is ---


@harmless
def keep_the_users_number() -> object:
    return os.getuid() == HOST["user"]


@harmless
def have_capabilities_in_reach() -> object:
    return not holds("/proc/self/status", "CapBnd:\t0000000000000000")


@harmless
def gain_privileges_by_running_a_program() -> object:
    return holds("/proc/self/status", "NoNewPrivs:\t0")


@harmless
def make_system_calls_unfiltered() -> object:
    return holds("/proc/self/status", "Seccomp:\t0") or HOST["filtered"]


@inside
def become_root() -> object:
    os.setuid(0)
    return True


@inside
def become_root_by_su() -> object:
    done = subprocess.run(
        ["/usr/bin/su", "-c", "id -u"], capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    return b"0" in done.stdout


@inside
def give_a_file_to_root() -> object:
    written("/workspace/gift")
    os.chown("/workspace/gift", 0, 0)
    return True


# --- Sockets ---


@harmless
def reach_a_listener_by_ipv4() -> object:
    return answers(socket.AF_INET, ("127.0.0.1", HOST["tcp4"]))


@harmless
def reach_a_listener_by_ipv6() -> object:
    return answers(socket.AF_INET6, ("::1", HOST["tcp6"]))


@harmless
def reach_a_listener_by_udp() -> object:
    return answers(socket.AF_INET, ("127.0.0.1", HOST["udp"]), socket.SOCK_DGRAM)


@harmless
def reach_a_listener_by_its_path() -> object:
    return answers(socket.AF_UNIX, HOST["unix"])


@harmless
def reach_a_listener_by_its_abstract_name() -> object:
    return answers(socket.AF_UNIX, HOST["abstract"])


@harmless
def reach_the_hosts_own_address() -> object:
    return answers(socket.AF_INET, (HOST["address"], HOST["tcp_any"]))


@inside
def reach_the_metadata_of_a_cloud() -> object:
    socket.create_connection(("169.254.169.254", 80), 2)
    return True


@inside
def reach_a_name_server() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("192.0.2.53", 53))
        return client.send(b"?")


@inside
def see_network_interfaces() -> object:
    return [name for _, name in socket.if_nameindex() if name != "lo"]


@inside
def reach_the_hypervisor() -> object:
    return socket.socket(40, socket.SOCK_STREAM)  # AF_VSOCK, which no network namespace holds


@inside
def open_sockets_of_other_families() -> object:
    opened = []
    for family in set(range(48)) - {1, 2, 10, 16}:
        try:
            socket.socket(family, socket.SOCK_DGRAM).close()
        except OSError:
            continue
        opened.append(family)
    return opened


@inside
def open_a_raw_socket() -> object:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@inside
def open_a_packet_socket() -> object:
    return socket.socket(17, socket.SOCK_RAW)


# --- System calls; outside, other answers than the filter's show that it would be noticed ---


@harmless
def be_traced() -> object:
    child = "import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(0, 0, 0, 0) != 0)"
    return subprocess.run([sys.executable, "-I", "-S", "-c", child], check=False).returncode == 0


@harmless
def read_memory_of_a_process() -> object:
    return call(310, 270, os.getpid(), BROKEN, 0, BROKEN, 0, 0)


@harmless
def take_a_descriptor_of_a_process() -> object:
    return call(438, 438, -1, -1, 0)


@harmless
def unshare_nothing() -> object:
    return call(272, 97, 0)


@harmless
def hold_memory_that_is_not_counted() -> object:
    return call(319, 279, b"memory", 0)


@harmless
def hold_shared_memory_that_is_not_counted() -> object:
    return call(29, 194, 0, -1, 0)


@harmless
def have_a_queue_of_messages() -> object:
    return call(68, 186, 1, 0)


@harmless
def change_the_personality() -> object:
    return call(135, 92, 0xFFFFFFFF)


@harmless
def name_a_file_by_its_handle() -> object:
    return call(303, 264, -1, BROKEN, BROKEN, BROKEN, 0)


@inside
def make_a_user_namespace() -> object:
    return call(272, 97, 0x10000000)


@inside
def make_a_namespace_by_clone() -> object:
    child = LIBC.syscall(56 if X86_64 else 220, 0x10000000 | 17, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    return child > 0


@inside
def make_a_namespace_by_a_program() -> object:
    return (
        subprocess.run(
            ["unshare", "--user", "--map-root-user", "true"], check=False, capture_output=True
        ).returncode
        == 0
    )


@inside
def clone_with_flags_out_of_reach() -> object:
    return call(435, 435, BROKEN, 0)


@inside
def enter_a_namespace() -> object:
    return call(308, 268, os.open("/proc/self/ns/net", os.O_RDONLY), 0)


@inside
def mount_a_file_system() -> object:
    return call(165, 40, b"none", b"/tmp", b"tmpfs", 0, 0)


@inside
def mount_in_the_new_way() -> object:
    return call(430, 430, b"tmpfs", 0)


@inside
def unmount_something() -> object:
    return call(166, 39, b"/proc", 2)


@inside
def change_the_root() -> object:
    return call(161, 51, b"/tmp")


@inside
def move_the_root() -> object:
    return call(155, 41, b"/tmp", b"/tmp")


@inside
def use_io_uring() -> object:
    return call(425, 425, 1, BROKEN)


@inside
def load_a_program_into_the_kernel() -> object:
    return call(321, 280, 0, BROKEN, 0)


@inside
def handle_page_faults() -> object:
    return call(323, 282, 0)


@inside
def use_the_kernels_keys() -> object:
    return call(250, 219, 0, -3, 0)


@inside
def watch_performance() -> object:
    return call(298, 241, BROKEN, 0, -1, -1, 0)


@inside
def load_a_module() -> object:
    return call(313, 273, -1, b"", 0)


@inside
def restart_the_machine() -> object:
    return call(169, 142, 0, 0, 0, 0)  # numbers that ask for nothing


@inside
def set_the_clock() -> object:
    return call(227, 112, 0, BROKEN)


@inside
def type_into_the_terminal() -> object:
    import fcntl

    try:
        fcntl.ioctl(0, 0x5412, b"x")
    except PermissionError:
        return False
    except OSError as error:
        return f"not the filter: {error}"
    return True
