"""``deliver_file``: publish a result of a run where people look for it."""

from dataclasses import dataclass
from pathlib import Path

from lamplighter.tools.files import RunFiles, split_path

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


def deliver_file(files: RunFiles, delivery: Delivery, path: str) -> str:
    """Publish a file that the run wrote; delivering it again replaces it."""
    content = files.read_bytes(path)
    published = RunFiles(delivery.workspace / delivery.folder)
    published.write_bytes(path, content)
    return f"Delivered to {delivery.folder.joinpath(*split_path(path))}"
