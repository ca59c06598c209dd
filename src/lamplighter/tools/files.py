"""``read_file`` and ``write_file``: a run's own files.

They are no files of this machine: what they hold is in the database, by its SHA-256, and which
there are is told by the answers of the run's steps. So a run finds them again in any process on
any machine, exactly as after its last finished step, and nothing planted among them leads out.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lamplighter.errors import ToolFailed
from lamplighter.sandbox.sandbox import File
from lamplighter.store.contents import read_content, save_content

if TYPE_CHECKING:
    from sqlalchemy import Engine

WORKSPACE = "/workspace"
"""What the run's folder is called in paths that a model writes."""

MAX_FILE_BYTES = 10_000_000
"""Of a file that is read or delivered in one piece."""

MAX_READ_CHARACTERS = 20_000

FileChanges = dict[str, File | None]
"""Path -> what it is now; ``None``: there is none any more."""


@dataclass
class RunFiles:
    """The private files of one run.

    Attributes:
        engine: The database that keeps what they hold.
        run_id: The run.
        quota_bytes: What they may hold together.
        entries: Which there are.
    """

    engine: "Engine"
    run_id: str
    quota_bytes: int
    entries: dict[str, File] = field(default_factory=dict)

    def read_bytes(self, path: str) -> bytes:
        """The content of a file.

        Raises:
            ToolFailed: There is none, or it is too large.
        """
        name = "/".join(split_path(path))
        if name not in self.entries:
            is_folder = any(each.startswith(f"{name}/") for each in self.entries)
            why = "Is a directory" if is_folder else "No such file or directory"
            raise ToolFailed(f"cannot read {name}: {why}")
        file = self.entries[name]
        if file.size_bytes > MAX_FILE_BYTES:
            raise ToolFailed(f"cannot read {name}: more than {MAX_FILE_BYTES:,} bytes")
        content = self._load(file.sha256)
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise ToolFailed(f"cannot read {name}: what was kept of it is damaged")
        return content

    def write_bytes(
        self, path: str, content: bytes, *, limit_bytes: int = MAX_FILE_BYTES
    ) -> FileChanges:
        """Write a file; gives what that changes.

        Args:
            path: Where.
            content: All of it.
            limit_bytes: What it may have at most.

        Raises:
            ToolFailed: The path names no file, or the content is too large.
        """
        name = "/".join(split_path(path))
        if len(content) > limit_bytes:
            raise ToolFailed(f"{name}: more than {limit_bytes:,} bytes")
        self._require_place(name)
        kept = self.entries.get(name)
        executable = kept is not None and kept.executable
        file = File(hashlib.sha256(content).hexdigest(), len(content), executable)
        changes: FileChanges = {name: file}
        self.require_room(changes)
        self._save(file.sha256, content)
        self.apply(changes)
        return changes

    def require_room(self, changes: FileChanges) -> None:
        """See whether all fit when this has changed.

        Raises:
            ToolFailed: They do not.
        """
        after = {**self.entries, **changes}
        size = sum(file.size_bytes for file in after.values() if file)
        if size > self.quota_bytes:
            raise ToolFailed(
                f"the files of this run would have {size:,} bytes together; "
                f"at most {self.quota_bytes:,} are kept"
            )

    def apply(self, changes: FileChanges) -> None:
        """Have these files from now on: a change in a step, or its repetition from its answer."""
        for name, file in changes.items():
            if file is None:
                self.entries.pop(name, None)
            else:
                self.entries[name] = file

    def _load(self, sha256: str) -> bytes:
        return read_content(self.engine, self.run_id, sha256)

    def _save(self, sha256: str, content: bytes) -> None:
        save_content(self.engine, self.run_id, sha256, content)

    def _require_place(self, name: str) -> None:
        """No file stands where a folder is, or the other way round."""
        parts = name.split("/")
        for depth in range(1, len(parts)):
            if "/".join(parts[:depth]) in self.entries:
                raise ToolFailed(f"cannot write {name}: {'/'.join(parts[:depth])} is a file")
        if any(each.startswith(f"{name}/") for each in self.entries):
            raise ToolFailed(f"cannot write {name}: it is a folder")


@dataclass
class DraftFiles(RunFiles):
    """Files of a rehearsal: what it writes is kept in memory, and gone with it.

    Attributes:
        drafts: Contents by their SHA-256.
    """

    drafts: dict[str, bytes] = field(default_factory=dict)

    def _load(self, sha256: str) -> bytes:
        return self.drafts[sha256] if sha256 in self.drafts else super()._load(sha256)

    def _save(self, sha256: str, content: bytes) -> None:
        self.drafts[sha256] = content


@dataclass(frozen=True, slots=True)
class Done:
    """What a tool did that may have changed files.

    Attributes:
        text: What the model is told.
        changes: Of the run's files.
        failed: Whether the text says what went wrong.
    """

    text: str
    changes: FileChanges = field(default_factory=dict)
    failed: bool = False

    @property
    def answer(self) -> dict[str, Any]:
        """JSON: ``result`` or ``error``; ``files``, by which a restart finds them again."""
        told: dict[str, Any] = {"error" if self.failed else "result": self.text}
        return told | ({"files": changes_data(self.changes)} if self.changes else {})


def changes_data(changes: FileChanges) -> dict[str, Any]:
    """Changes as JSON."""
    return {
        name: file
        and {
            "sha256": file.sha256,
            "size_bytes": file.size_bytes,
            **({"executable": True} if file.executable else {}),
        }
        for name, file in changes.items()
    }


def read_changes(data: Mapping[str, Any]) -> FileChanges:
    """The other way round."""
    return {name: File(**entry) if entry else None for name, entry in data.items()}


def split_path(path: str) -> list[str]:
    """The parts of a path inside a run's folder; ``/workspace/a`` means ``a``.

    Raises:
        ToolFailed: It does not name a file inside the folder.
    """
    inner = path.removeprefix(WORKSPACE).lstrip("/") if path.startswith(WORKSPACE) else path
    parts = [part for part in inner.split("/") if part != "."]
    bad = not inner or inner.startswith("/") or "\0" in inner
    if bad or any(part in ("", "..") for part in parts):
        raise ToolFailed(f"{path!r} is no path inside {WORKSPACE}; write it like notes/today.md")
    return parts


def read_file(
    files: RunFiles, path: str, start_line: int | None = None, end_line: int | None = None
) -> str:
    """A text file of the run with numbered lines, whole or a range of lines (from 1)."""
    try:
        text = files.read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolFailed(f"{path} is not UTF-8 text") from error
    lines = text.splitlines()
    first, last = start_line or 1, min(end_line or len(lines), len(lines))
    if first < 1 or (lines and first > len(lines)) or last < first - 1:
        raise ToolFailed(f"{path} has lines 1 to {len(lines)}; asked for {first} to {last}")
    numbered = "\n".join(
        f"{number:6}\t{line}" for number, line in enumerate(lines[first - 1 : last], first)
    )
    if len(numbered) > MAX_READ_CHARACTERS:
        raise ToolFailed(
            f"{path}: {len(lines)} lines are too long to read at once; "
            "give start_line and end_line for a part of it"
        )
    return numbered


def write_file(files: RunFiles, path: str, content: str) -> Done:
    """Write a text file of the run, replacing what was there."""
    encoded = content.encode("utf-8")
    changes = files.write_bytes(path, encoded)
    return Done(f"Wrote {len(encoded):,} bytes to {next(iter(changes))}", changes)
