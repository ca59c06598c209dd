"""Agents of other programs, taken over into a workspace."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lamplighter.definitions.catalogue import FOLDER
from lamplighter.definitions.importing import Imported, import_agents
from lamplighter.errors import InvalidInput

IMPORTABLE = frozenset({".md", ".yaml", ".yml", ".json"})


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """What became of a file that was to be imported.

    Attributes:
        file: The new agent file, or, if there is none, the file that was read.
        agent: What was carried and what was not.
        error: Why nothing was imported; empty if something was.
    """

    file: str
    agent: Imported | None = None
    error: str = ""


def import_files(workspace: Path, paths: Iterable[Path]) -> Iterator[ImportedFile]:
    """Write agent files for those of other programs; files that are there already stay."""
    for path in _importable(paths):
        try:
            found = import_agents(path.read_text("utf-8"), path.absolute().as_posix())
        except (InvalidInput, OSError, UnicodeDecodeError) as error:
            yield ImportedFile(str(path), error=str(error))
            continue
        for agent in found:
            yield _write_imported(workspace, agent)


def _write_imported(workspace: Path, agent: Imported) -> ImportedFile:
    name = f"{FOLDER}/{agent.name}.md"
    file = workspace / name
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(agent.text)
    except FileExistsError:
        return ImportedFile(name, error="there is such an agent already; nothing was imported")
    return ImportedFile(name, agent)


def _importable(paths: Iterable[Path]) -> Iterator[Path]:
    """The files themselves, and those in folders that could be agents or skills."""
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.suffix in IMPORTABLE)
        else:
            yield path
