"""What tools do to the workspace's files, as effects: each happens once, whatever dies.

All are harmless to repeat: they see whether they have happened.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lamplighter import clock
from lamplighter.errors import ToolFailed
from lamplighter.store.contents import read_content, save_content
from lamplighter.tools import tree
from lamplighter.tools.files import MAX_FILE_BYTES, RunFiles
from lamplighter.tools.places import Places, Spot

TRASH = ".trash"
DONE: dict[str, Any] = {"ok": True}


@dataclass(frozen=True, slots=True)
class Write:
    """A file written whole.

    Attributes:
        spot: Where.
        content: All of it.
        files: The run's own, which are kept where contents wait until the run has ended.
        answer: What the model gets; ``None``: path, stat and etag of the file.
        expected_etag: The version that it is to replace; ``None``: any, or none.
        parents: Whether to make the folders that it lies in.
    """

    spot: Spot
    content: bytes
    files: RunFiles
    answer: Mapping[str, Any] | None = None
    expected_etag: str | None = None
    parents: bool = True
    kind = "write"
    fixed = False
    deduplicates = True
    done = None

    @property
    def destination(self) -> str:
        """The file."""
        return self.spot.shown

    def prepare(self) -> dict[str, Any]:
        """Keep the content."""
        if self.expected_etag is not None:
            now = tree.examine(self.spot)
            if now is None or now.etag != self.expected_etag:
                found = f"is {now.etag}" if now else "does not exist"
                raise ToolFailed(f"{self.spot.shown} {found}, not {self.expected_etag}: read it")
        if len(self.content) > MAX_FILE_BYTES:
            raise ToolFailed(f"{self.spot.shown}: more than {MAX_FILE_BYTES:,} bytes")
        sha256 = hashlib.sha256(self.content).hexdigest()
        save_content(self.files.engine, self.files.run_id, sha256, self.content)
        return {
            "path": self.spot.shown,
            "sha256": sha256,
            "size_bytes": len(self.content),
            "expected_etag": self.expected_etag,
        }

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write the content that was kept."""
        return await asyncio.to_thread(self._write, payload)

    def _write(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        content = read_content(self.files.engine, self.files.run_id, payload["sha256"])
        if hashlib.sha256(content).hexdigest() != payload["sha256"]:
            raise ToolFailed(f"the content of {payload['path']} was damaged before it was written")
        found = tree.write_bytes(
            self.spot, content, expected_etag=payload["expected_etag"], parents=self.parents
        )
        written = {"path": self.spot.shown, "stat": found.data, "etag": found.etag}
        return written if self.answer is None else self.answer


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """A folder made; one that is there is fine."""

    spot: Spot
    parents: bool
    kind = "folder"
    fixed = False
    deduplicates = True
    done = None

    @property
    def destination(self) -> str:
        """The folder."""
        return self.spot.shown

    def prepare(self) -> dict[str, Any]:
        """The path, and whether to make those above it."""
        return {"path": self.spot.shown, "parents": self.parents}

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make it."""
        await asyncio.to_thread(tree.make_folder, self.spot, parents=self.parents)
        return DONE


@dataclass(frozen=True, slots=True)
class Move:
    """A file or folder under another name."""

    source: Spot
    target: Spot
    overwrite: bool
    kind = "move"
    fixed = False
    deduplicates = True
    done = None

    @property
    def destination(self) -> str:
        """Its new name."""
        return self.target.shown

    def prepare(self) -> dict[str, Any]:
        """What it is, to recognise it."""
        found = tree.examine(self.source)
        if found is None:
            raise ToolFailed(f"{self.source.shown}: there is no such file or folder")
        if not self.overwrite and tree.examine(self.target) is not None:
            raise ToolFailed(f"{self.target.shown} exists already")
        return {
            "from": self.source.shown,
            "to": self.target.shown,
            "etag": found.etag,
            "overwrite": self.overwrite,
        }

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Move it, unless it has been moved."""
        return await asyncio.to_thread(self._move, payload)

    def _move(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        moved = tree.examine(self.target)
        gone = tree.examine(self.source) is None
        if not (gone and moved is not None and moved.etag == payload["etag"]):
            tree.move(self.source, self.target, overwrite=self.overwrite)
        return DONE


@dataclass(frozen=True, slots=True)
class Remove:
    """A file or folder put into the trash, or deleted."""

    spot: Spot
    recursive: bool
    trash: Spot | None
    kind = "remove"
    fixed = False
    deduplicates = True
    done = None

    @property
    def destination(self) -> str:
        """What goes."""
        return self.spot.shown

    def prepare(self) -> dict[str, Any]:
        """Say where it goes."""
        found = tree.examine(self.spot)
        if found is None:
            raise ToolFailed(f"{self.spot.shown}: there is no such file or folder")
        if found.kind == "dir" and not self.recursive and self.trash is None:
            raise ToolFailed(f"{self.spot.shown} is a folder; give recursive: true")
        milliseconds = int(clock.now().timestamp() * 1000)
        name = f"{milliseconds}-{self.spot.parts[-1]}" if self.trash else None
        return {"path": self.spot.shown, "trash": name, "recursive": self.recursive}

    async def act(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let it go; what has gone already is gone."""
        await asyncio.to_thread(self._remove, payload)
        return DONE

    def _remove(self, payload: Mapping[str, Any]) -> None:
        if tree.examine(self.spot) is None:
            return
        if self.trash is None:
            tree.delete(self.spot, recursive=self.recursive)
            return
        number, target = 1, self.trash.below(payload["trash"])
        while tree.examine(target) is not None:
            number, target = number + 1, self.trash.below(f"{payload['trash']}-{number}")
        tree.move(self.spot, target, overwrite=False)


def trash_of(places: Places) -> Spot:
    """The folder that keeps what runs have removed."""
    return Spot(places.workspace.resolve(), (TRASH,), TRASH, inside=True)
