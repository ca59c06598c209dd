"""Files wherever fsspec reaches: S3, SFTP, WebDAV, zip archives and more."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FunctionType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lamplighter.errors import SignInFailed, Unreadable
from lamplighter.source_config import FilesSource
from lamplighter.sources.connector import Visit
from lamplighter.sources.files import EPOCH, File, checked, leads_to, matches, refusal

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

ARCHIVES = frozenset({"zip", "tar"})
SSH = frozenset({"sftp", "ssh"})
FAR = frozenset({"s3", "s3a", "http", "https", "sftp", "ssh", "ftp", "webdav", "webdavs"})
"""What a member may use. Their sockets are Python's, so that the guard sees them."""

MEMBERS_OPTIONS = frozenset(
    {"key", "secret", "anon", "endpoint_url", "username", "password", "port", "auth"}
)
"""Which options a member may give: none of them names a file of this machine."""

CHANGES = ("etag", "ETag", "LastModified", "last_modified", "modified", "mtime", "CRC", "sha")
"""What file systems call that by which a change shows, the best first."""

TIMES = ("LastModified", "last_modified", "modified", "mtime", "date_time", "created")
REFUSALS = frozenset({"AuthenticationException", "NoCredentialsError", "PartialCredentialsError"})
"""What paramiko and botocore raise, which need not be imported for it."""

EXTRAS = {"s3": "s3", "s3a": "s3", "sftp": "sftp", "ssh": "sftp", "webdav": "webdav"}


@dataclass(frozen=True, slots=True)
class RemoteTree:
    """Files behind fsspec.

    Attributes:
        system: The file system.
        root: Where the source begins in it.
        config: Which files count.
    """

    system: "AbstractFileSystem"
    root: str
    config: FilesSource

    def files(self, wanted: str = "") -> Iterator[File]:
        """Every file that counts; a folder that cannot be listed is one too."""
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                entries = self._list(folder)
            except OSError as error:
                if not folder:
                    raise
                yield File(folder, problem=f"cannot be opened: {error}")
                continue
            for path, about in entries:
                if not leads_to(path, wanted):
                    continue
                if about.get("type") == "directory":
                    folders.append(f"{path}/")
                elif not self.config.include or matches(self.config.include, path):
                    yield self._file(path, about)

    def read(self, file: File) -> bytes:
        """The whole file.

        Raises:
            Unreadable: It is too large, or a private key.
            OSError: It cannot be read.
        """
        with self.system.open(posixpath.join(self.root, file.path), "rb") as stream:
            return checked(self.config, stream.read(self.config.max_file_size_bytes + 1))

    def close(self) -> None:
        """End the connection, where the library keeps one open."""
        client: Any = getattr(self.system, "client", None)
        opened: Any
        for opened in (client, getattr(client, "http", None)):
            if opened and isinstance(getattr(type(opened), "close", None), FunctionType):
                opened.close()

    def _list(self, folder: str) -> list[tuple[str, Mapping[str, Any]]]:
        top = self.root.strip("/")
        inside = posixpath.join(self.root, folder.rstrip("/")) if folder else self.root
        found = []
        for about in self.system.ls(inside, detail=True):
            path = str(about["name"]).strip("/")
            path = path[len(top) :].strip("/") if path.startswith(top) else path
            hidden = posixpath.basename(path).startswith(".") or path == folder.rstrip("/")
            if path and not hidden and not matches(self.config.exclude, path):
                found.append((path, about))
        return sorted(found, key=lambda each: each[0])

    def _file(self, path: str, about: Mapping[str, Any]) -> File:
        size_bytes = int(about.get("size") or 0)
        change = next((about[name] for name in CHANGES if about.get(name)), None)
        return File(
            path=path,
            modified_at=next((when for name in TIMES if (when := _moment(about.get(name)))), EPOCH),
            size_bytes=size_bytes,
            stamp=quote(f"{change}-{size_bytes}") if change is not None else "",
            problem=refusal(self.config, path, size_bytes),
        )


def open_remote(visit: Visit[FilesSource]) -> RemoteTree:
    """The files that the source's URL names.

    Raises:
        Unreadable: They cannot be reached, or may not be by this source.
    """
    import fsspec

    url = _located(visit)
    options = _options(visit, url)
    first = _protocol(url.split("::")[0])
    try:
        if first in ("webdav", "webdavs"):
            return _open_webdav(url, options, visit.config)
        if first not in SSH:  # which would hand it to the SSH library
            options["use_listings_cache"] = False
        system, root = fsspec.url_to_fs(url, skip_instance_cache=True, **options)
        if visit.boundary.remote_only and hasattr(system, "retries"):
            system.retries = 1  # of s3fs: an address that is refused stays refused
        if not system.exists(root or "/") and not system.ls(root):
            raise FileNotFoundError(root)
    except ImportError as error:
        extra = EXTRAS.get(first)
        hint = f"install lamplighter[{extra}]" if extra else "install the package for it"
        raise Unreadable(f"source {visit.name}: {error}; {hint}") from error
    except Exception as error:
        if first in FAR and _is_refusal(error):
            who, proof = ("key", "secret") if first in ("s3", "s3a") else ("username", "password")
            raise SignInFailed(
                f"source {visit.name}: {visit.config.path} does not let us in: {error}; use: "
                f"lamplighter source login {visit.name} --field {who}, and --field {proof}"
            ) from error
        if not isinstance(error, OSError | ValueError | KeyError):
            raise
        raise Unreadable(
            f"source {visit.name}: cannot open {visit.config.path}: {error}"
        ) from error
    return RemoteTree(system, root, visit.config)


def _is_refusal(error: Exception) -> bool:
    """Whether we were not let in: by FTP or S3, by WebDAV, by HTTP, or by SSH."""
    status = getattr(error, "status_code", getattr(error, "status", 0))
    kinds = {kind.__name__ for kind in type(error).__mro__}
    return (
        isinstance(error, PermissionError)
        or status in (401, 403)
        or not kinds.isdisjoint(REFUSALS)
        or "No authentication methods" in str(error)  # of paramiko, without a class of its own
    )


def _open_webdav(url: str, options: dict[str, Any], config: FilesSource) -> RemoteTree:
    """WebDAV: its file system takes the server's address and nothing else from the URL."""
    from webdav4.fsspec import WebdavFileSystem

    base = re.sub("^webdavs?", lambda found: "https" if found[0] == "webdavs" else "http", url)
    if "username" in options:
        options["auth"] = (options.pop("username"), options.pop("password", ""))
    system = WebdavFileSystem(base, skip_instance_cache=True, **options)
    system.ls("", detail=True)
    return RemoteTree(system, "", config)


def _located(visit: Visit[FilesSource]) -> str:
    """The URL, with every local part of it absolute and allowed."""
    parts = visit.config.path.split("::")
    if _protocol(parts[-1]) in ("", "file", "local"):
        local = visit.boundary.resolve(re.sub("^(file|local)://", "", parts[-1]))
        if not local.exists():
            raise Unreadable(f"source {visit.name}: there is no {local}")
        parts[-1] = str(local)
        if len(parts) == 1:
            parts = ["zip://", f"file://{local}"] if local.is_file() else [f"file://{local}"]
        return "::".join(parts)
    return "::".join(parts)


def _options(visit: Visit[FilesSource], url: str) -> dict[str, Any]:
    """What the file system takes; for a member, nothing of this machine is at hand."""
    options = {
        name: visit.credentials.resolve(value) if isinstance(value, str) else value
        for name, value in visit.config.options.items()
    }
    for name in ("key", "secret", "username", "password"):
        if name not in options and (stored := visit.credentials.get(name)):
            options[name] = stored
    protocols = [_protocol(part) for part in url.split("::")]
    if not visit.boundary.remote_only:
        return options
    if refused := [each for each in protocols if each not in FAR | ARCHIVES]:
        visit.boundary.refuse_local(f"{refused[0]}://")
    if refused := sorted(options.keys() - MEMBERS_OPTIONS):
        visit.boundary.refuse_local(f"the option {refused[0]}")
    far = next((each for each in protocols if each in FAR), "")
    return {**options, **_without_this_machine(visit.name, far, options)}


def _without_this_machine(name: str, far: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that keep a library from signing in as this machine does by itself."""
    signed = options.get("anon") or (options.get("key") and options.get("secret"))
    if far in ("s3", "s3a") and not signed:
        raise SignInFailed(f"source {name}: give key and secret, or the option anon = true")
    if far in ("s3", "s3a"):
        return {"config_kwargs": {"retries": {"max_attempts": 1}}}
    if far in SSH:
        return {"allow_agent": False, "look_for_keys": False}
    return {}


def _protocol(part: str) -> str:
    found = re.match("([a-z][a-z0-9+.-]*)://", part, re.IGNORECASE)
    return found[1].lower() if found else ("" if "/" in part or "." in part else part.lower())


def _moment(value: object) -> datetime | None:
    try:
        if isinstance(value, tuple):
            value = datetime(*value[:6])  # noqa: DTZ001 - archives know no zones
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
