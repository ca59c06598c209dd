"""The toolbox: a Python of its own for what runs in sandboxes, with what agents need.

It is built once for all workspaces of a user, is read-only inside, and has nothing to do with
the environment that Lamplighter itself runs in.
"""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from lamplighter.errors import Conflict, DownloadFailed, SandboxUnavailable
from lamplighter.sandbox.helper import HOME, PROXY_PORT, WORKSPACE

INSIDE = "/opt/toolbox"
"""Where it is in a sandbox."""

SETUP_COMMAND = "lamplighter sandbox setup"
OLDEST = (3, 11)
HOST_TOOLS = ("jq", "rg", "sqlite3")
"""Programs that agents may use where the host has them."""

_FOLDER = Path(__file__).parent
_REQUIREMENTS = _FOLDER / "toolbox.txt"
_EXCEL = _FOLDER / "excel.py"
_STAMP = "complete.json"
_RECIPE = b"1"
"""How it is built; another number builds it anew."""

Tell = Callable[[str], None]
"""Told one line of what is going on."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python for sandboxes.

    Attributes:
        program: Its path inside.
        mounts: Folders of the host that it needs, and where they have to be inside.
        has_toolbox: Whether it is the toolbox's.
    """

    program: str
    mounts: tuple[tuple[str, str], ...]
    has_toolbox: bool

    @property
    def search_path(self) -> str:
        """The variable ``PATH``."""
        folders = (os.path.dirname(self.program), "/usr/local/bin", "/usr/bin", "/bin")
        return ":".join(dict.fromkeys(filter(None, folders)))


def toolbox_path() -> Path:
    """Where the toolbox is, or would be: for root a place that others can read too."""
    if os.geteuid() == 0:
        return platformdirs.site_cache_path("lamplighter") / "toolbox"
    return platformdirs.user_cache_path("lamplighter") / "toolbox"


def is_built(toolbox: Path | None = None) -> bool:
    """Whether the toolbox is here, and what this version of Lamplighter wants."""
    stamp = (toolbox or toolbox_path()) / _STAMP
    return stamp.is_file() and json.loads(stamp.read_text("utf-8"))["contents"] == _contents()


def find_interpreter(toolbox: Path | None = None) -> Interpreter:
    """The toolbox's Python, or a bare one as long as there is none.

    Raises:
        SandboxUnavailable: There is no Python that sandboxes could use.
    """
    toolbox = toolbox or toolbox_path()
    if not is_built(toolbox):
        base = find_base()
        return Interpreter(base, _mounts_of(base), has_toolbox=False)
    base = json.loads((toolbox / _STAMP).read_text("utf-8"))["base"]
    mounts = ((str(toolbox), INSIDE), *_mounts_of(base))
    return Interpreter(f"{INSIDE}/bin/python", mounts, has_toolbox=True)


@functools.cache
def find_base() -> str:
    """A Python that is not in an environment: the system's if it is new enough, or ours.

    Raises:
        SandboxUnavailable: There is none.
    """
    for program in ("/usr/bin/python3", "/usr/local/bin/python3"):
        if os.path.exists(program) and _version(program) >= OLDEST:
            return os.path.realpath(program)
    ours: str = getattr(sys, "_base_executable", "") or ""
    if not os.path.exists(ours):
        raise SandboxUnavailable("there is no Python for sandboxes: install python3")
    return os.path.realpath(ours)


def environment(interpreter: Interpreter, *, networked: bool) -> dict[str, str]:
    """The whole environment of what runs in a sandbox."""
    variables = {
        "PATH": interpreter.search_path,
        "HOME": HOME,
        "TMPDIR": "/tmp",  # noqa: S108 -- inside the sandbox
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "OPENBLAS_NUM_THREADS": "1",  # or it starts one for each processor of the machine
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": WORKSPACE,
    }
    if networked:
        proxy = f"http://127.0.0.1:{PROXY_PORT}"
        variables |= {f"{scheme}_proxy": proxy for scheme in ("http", "https")}
        variables |= {f"{scheme}_PROXY": proxy for scheme in ("HTTP", "HTTPS")}
    return variables


def build_toolbox(tell: Tell, toolbox: Path | None = None) -> Path:
    """Build the toolbox, unless it is there; what was there before is replaced at the end.

    Raises:
        DownloadFailed: Its packages could not be fetched.
        Conflict: Another process is building it.
    """
    toolbox = toolbox or toolbox_path()
    toolbox.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{toolbox}.lock", timeout=0):
            if not is_built(toolbox):
                _build(toolbox, tell)
    except Timeout as error:
        raise Conflict("another process is building the toolbox already") from error
    return toolbox


def list_host_tools() -> list[str]:
    """The further programs of the host that agents find in their sandboxes."""
    return [name for name in HOST_TOOLS if shutil.which(name, path="/usr/local/bin:/usr/bin")]


def _build(toolbox: Path, tell: Tell) -> None:
    with tempfile.TemporaryDirectory(prefix="toolbox-", dir=toolbox.parent) as folder:
        os.chmod(folder, 0o755)  # noqa: S103 -- what runs in a sandbox may be another user
        new = Path(folder) / "new"
        base = find_base()
        tell(f"making an environment of {base}")
        _run([base, "-m", "venv", "--without-pip", str(new)], tell)
        _install_packages(new, tell)
        _install_excel(new)
        tell("preparing fonts and bytecode")
        _prepare_fonts(new, tell)
        _run(
            [*_python(new), "-m", "compileall", "-q", "-s", str(new), "-p", INSIDE, str(new)], tell
        )
        stamp = {"contents": _contents(), "base": base}
        (new / _STAMP).write_text(json.dumps(stamp), "utf-8")
        if toolbox.exists():
            toolbox.rename(Path(folder) / "old")
        new.rename(toolbox)


def _install_packages(new: Path, tell: Tell) -> None:
    if find_spec("pip") is None:
        raise DownloadFailed(
            f"pip is missing from {sys.executable}; it fetches the toolbox's packages. "
            f"Install it with: {sys.executable} -m ensurepip"
        )
    tell("fetching packages")
    pip = [sys.executable, "-m", "pip", "--python", str(new / "bin" / "python"), "install"]
    options = ["--require-hashes", "--only-binary=:all:", "--no-compile", "--no-input"]
    options += ["--disable-pip-version-check", "--progress-bar=off", "-r", str(_REQUIREMENTS)]

    def tell_package(line: str) -> None:
        if line.startswith(("Collecting ", "Installing ")):
            tell(line.partition(" ;")[0].partition(" (")[0])

    _run([*pip, *options], tell_package)


def read_excel(interpreter: str) -> str:
    """The program ``excel``, to be run by an interpreter."""
    return f"#!{interpreter}\n{_EXCEL.read_text('utf-8')}"


def _install_excel(new: Path) -> None:
    program = new / "bin" / "excel"
    program.write_text(read_excel(f"{INSIDE}/bin/python"), "utf-8")
    program.chmod(0o755)


def _prepare_fonts(new: Path, tell: Tell) -> None:
    """Let matplotlib look for fonts now, not in each sandbox anew: that takes seconds."""
    folder = new / "home" / ".config" / "matplotlib"
    folder.mkdir(parents=True)
    _run([*_python(new), "-c", "import matplotlib.font_manager"], tell, MPLCONFIGDIR=str(folder))


def _run(command: list[str], tell: Tell, **environment: str) -> None:
    """A step of the building, with what it says told on.

    Raises:
        DownloadFailed: It failed.
    """
    with subprocess.Popen(  # noqa: S603 -- fixed words and our own paths
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        umask=0o022,
        env=os.environ | environment,
    ) as process:
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            if line.strip():
                last = line.strip()
                tell(last)
    if process.returncode:
        raise DownloadFailed(
            f"the toolbox could not be built: {last}. Try again with: {SETUP_COMMAND}"
        )


def _python(new: Path) -> list[str]:
    return [str(new / "bin" / "python")]


def _contents() -> str:
    """What a toolbox of this version is made of."""
    made_of = _RECIPE + _REQUIREMENTS.read_bytes() + _EXCEL.read_bytes()
    return hashlib.sha256(made_of).hexdigest()


def _mounts_of(base: str) -> tuple[tuple[str, str], ...]:
    """What a Python needs besides ``/usr``: the folder that ``bin/python`` is in."""
    home = os.path.dirname(os.path.dirname(base))
    return () if home == "/usr" or home.startswith("/usr/") else ((home, home),)


def _version(program: str) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run(  # noqa: S603 -- the system's own Python
        [program, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    return tuple(map(int, done.stdout.split()))
