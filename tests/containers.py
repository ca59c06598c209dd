"""An image made of this machine's Python, for tests of containers where an engine starts."""

import functools
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from lamplighter.sandbox.toolbox import find_base

IMAGE = "localhost/lamplighter-test"
PROGRAMS = ("bash", "cat", "env", "head", "id", "ls", "seq", "sleep", "true", "xargs")
ENGINES = ("podman", "podman --runtime runc", "docker")


@functools.cache
def find_engine() -> str:
    """An engine that starts containers here; empty if none does."""
    for engine in ENGINES:
        if shutil.which(engine.split()[0]) and _starts(engine):
            return engine
    return ""


def _starts(engine: str) -> bool:
    words = engine.split()
    if subprocess.run([*words, "image", "inspect", IMAGE], capture_output=True).returncode:
        done = subprocess.run([*words, "import", "-", IMAGE], input=_pack(), capture_output=True)
        if done.returncode:
            return False
    limits = ["--ulimit", "nofile=256:256", "--ulimit", "nproc=65:65", "--memory", "256m"]
    command = [*words, "run", "--rm", "--network", "none", *limits, IMAGE, "/usr/bin/true"]
    return subprocess.run(command, capture_output=True).returncode == 0


def _pack() -> bytes:
    """The files of an image: some programs of this machine, with their libraries."""
    base = find_base()
    library = Path(base).parent.parent / "lib" / Path(base).name
    programs = [base, *filter(None, (shutil.which(name) for name in PROGRAMS))]
    extensions = map(str, (library / "lib-dynload").glob("*.so"))
    needed = {path for binary in (*programs, *extensions) for path in _libraries(binary)}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in sorted({*programs, *needed}):
            archive.add(os.path.realpath(path), arcname=path)
        archive.add(library, filter=_without_packages)
        for name, target in (("usr/bin/python3", base), ("bin", "usr/bin")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(folder)
    return packed.getvalue()


def _libraries(binary: str) -> list[str]:
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True).stdout
    return [word for word in listed.split() if word.startswith("/")]


def _without_packages(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    unneeded = ("dist-packages", "site-packages", "/test", "__pycache__", "/config-")
    return None if any(part in entry.name for part in unneeded) else entry
