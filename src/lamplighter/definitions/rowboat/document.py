"""A JSON file of somebody else, with the lines of its keys."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lamplighter.definitions.agent import Problem
from lamplighter.definitions.safety import is_safety_key
from lamplighter.definitions.spelling import did_you_mean
from lamplighter.errors import InvalidInput, Place


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds, and what is found out while reading it.

    Attributes:
        file: The file as messages call it.
        text: The whole file.
        content: Its JSON object; empty when it is none.
        problems: What to tell its author.
    """

    file: str
    text: str
    content: Any
    problems: list[Problem] = field(default_factory=list)

    def tell(self, problem: InvalidInput | str, key: str = "", *, hint: str = "") -> Problem:
        """Note an error at ``key``, whose parts are joined by dots."""
        message = problem
        if isinstance(problem, InvalidInput):
            message, hint = problem.message, problem.hint
        found = Problem("error", str(message), self.place(key), hint)
        self.problems.append(found)
        return found

    def place(self, key: str) -> Place:
        """Where ``key`` stands, as far as can be told: its parts are looked for in turn."""
        position = 0
        for part in key.split(".") if key else ():
            name = re.escape(json.dumps(part, ensure_ascii=False))
            found = re.compile(rf"{name}\s*:").search(self.text, position)
            position = found.start() if found else position
        return Place(self.file, self.text.count("\n", 0, position) + 1, key or None)

    def check_keys(self, given: Mapping[str, Any], known: tuple[str, ...], at: str) -> bool:
        """Note the unknown keys of ``given``; ``False`` if one of them was to guard something."""
        guarded = True
        for key in given:
            if key in known:
                continue
            where = f"{at}.{key}" if at else key
            if is_safety_key(key):
                message = f"{key!r} is not known here, and sounds like a safeguard"
                self.tell(message, where, hint="delete it, or say the same in the agent's file")
                guarded = False
            else:
                hint = did_you_mean(key, known) or f"known keys are: {', '.join(known)}"
                message = f"unknown key {key!r}"
                self.problems.append(Problem("warning", message, self.place(where), hint))
        return guarded


def read_json(text: str, file: str) -> Document:
    """Read a file whose content is a JSON object or array."""
    text = text.removeprefix("\ufeff")
    document = Document(file, text, {})
    try:
        content = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        message = f"this is no JSON: {error}"
        document.problems.append(Problem("error", message, Place(file, line), "check its syntax"))
        return document
    if not isinstance(content, dict | list):
        document.tell("this is no JSON object", hint="it begins with { and ends with }")
        return document
    return Document(file, text, content, document.problems)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
