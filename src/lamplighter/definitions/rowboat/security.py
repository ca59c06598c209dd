"""``config/security.json``: what commands, and what files outside the workspace, are allowed.

Nothing is allowed that the file does not name: an absent or unreadable file allows nothing.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, get_args

from lamplighter.definitions.agent import Problem
from lamplighter.definitions.rowboat.document import Document, read_json

Operation = Literal["read", "list", "search", "write", "delete"]
_SEPARATORS = frozenset({"|", "||", "&&", ";"})
_EXPANSION = re.compile(r"[`$\n\r<>(){}]|(?<!&)&(?!&)")
"""What could start further commands, or write to files, behind the back of a list of names."""


@dataclass(frozen=True, slots=True)
class FileAccess:
    """Leave for one operation on everything at and below a path.

    Attributes:
        path: Absolute, or beginning with ``~``.
    """

    operation: Operation
    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class Security:
    """What is allowed.

    Attributes:
        commands: Names of commands.
        files: What may be done outside the workspace.
        problems: What is wrong with the file.
    """

    commands: frozenset[str] = frozenset()
    files: tuple[FileAccess, ...] = ()
    problems: tuple[Problem, ...] = ()

    def refusal(self, command: str) -> str:
        """Why a command line is not allowed; empty if every command in it is."""
        if _EXPANSION.search(command):
            return "it has $, `, <, >, a bracket, a single & or several lines in it"
        lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        lexer.commenters = ""
        try:
            words = list(lexer)
        except ValueError as error:
            return f"it cannot be read: {error}"
        if not words:
            return "it is empty"
        begins = True
        for word in words:
            if begins and word not in self.commands:
                return f"{word!r} is not among the allowed commands"
            begins = word in _SEPARATORS
        return ""


def read_security(text: str, file: str) -> Security:
    """Read the file in any of its three forms."""
    document = read_json(text, file)
    content = document.content
    if isinstance(content, list):
        return Security(_commands(document, content), (), tuple(document.problems))
    if not content.keys() & {"allowedCommands", "allowedFileAccess"}:
        allowed = [name for name, value in content.items() if value is True]
        return Security(frozenset(allowed), (), tuple(document.problems))
    document.check_keys(content, ("allowedCommands", "allowedFileAccess"), "")
    commands = _commands(document, content.get("allowedCommands", []))
    given = content.get("allowedFileAccess", [])
    files = tuple(
        access
        for each in (given if isinstance(given, list) else [])
        if (access := _file_access(document, each))
    )
    return Security(commands, files, tuple(document.problems))


def _commands(document: Document, given: Any) -> frozenset[str]:
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        document.tell("allowedCommands is a list of names", "allowedCommands")
        return frozenset()
    return frozenset(given)


def _file_access(document: Document, given: Any) -> FileAccess | None:
    match given:
        case {"operation": str(operation), "pathPrefix": str(prefix)} if (
            operation in get_args(Operation) and prefix.startswith(("/", "~/"))
        ) or prefix == "~":
            path = PurePosixPath(prefix)
            if ".." not in path.parts:
                return FileAccess(operation, path)  # type: ignore[arg-type]  # checked above
    hint = 'like {"operation": "write", "pathPrefix": "~/Desktop"}, with an absolute path'
    document.tell("this is no leave to use files", "allowedFileAccess", hint=hint)
    return None
