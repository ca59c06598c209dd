"""``deliver_file``: publish a result of a run where people look for it."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lamplighter.errors import ToolFailed
from lamplighter.outbox import Outbox, Outcome
from lamplighter.store.contents import read_content
from lamplighter.tools.files import RunFiles, split_path
from lamplighter.tools.folder import Folder

DELIVERED = "delivered"
"""The workspace's folder of results: ``delivered/<agent>/<run>/<file>``."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where one run's results go.

    Attributes:
        workspace: The workspace.
        agent: The run's agent.
        run_id: The run.
    """

    workspace: Path
    agent: str
    run_id: str

    @property
    def folder(self) -> Path:
        """Relative to the workspace."""
        return Path(DELIVERED, *self.agent.split("/"), self.run_id)


@dataclass(frozen=True, slots=True)
class FileDelivery:
    """The effect of ``deliver_file``: a copy of a run's file, as it was at the call.

    Attributes:
        files: The run's own files.
        delivery: Where its results go.
        path: The file, as the model wrote it.
    """

    files: RunFiles
    delivery: Delivery
    path: str
    kind = "file"
    fixed = True
    deduplicates = True

    @property
    def destination(self) -> str:
        """Relative to the workspace."""
        return str(self.delivery.folder.joinpath(*split_path(self.path)))

    @property
    def done(self) -> str:
        """What the model is told."""
        return f"Delivered to {self.destination}"

    def prepare(self) -> dict[str, Any]:
        """Name the content; a run may change its file before an interrupted delivery goes on."""
        content = self.files.read_bytes(self.path)
        return {
            "path": "/".join(split_path(self.path)),
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_bytes": len(content),
        }

    async def act(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Publish the content that was named, replacing an earlier delivery."""
        return await asyncio.to_thread(self._publish, payload)

    def _publish(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        content = read_content(self.files.engine, self.files.run_id, payload["sha256"])
        if hashlib.sha256(content).hexdigest() != payload["sha256"]:
            raise ToolFailed(f"the content of {payload['path']} was damaged before its delivery")
        published = Folder(self.delivery.workspace / self.delivery.folder)
        published.write_bytes(payload["path"], content)
        return {**payload, "path": self.destination}


async def deliver_file(
    outbox: Outbox, call: str, files: RunFiles, delivery: Delivery, path: str
) -> Outcome:
    """Publish a file that the run wrote; delivering it again replaces it."""
    return await outbox.perform(call, FileDelivery(files, delivery, path))
