"""The YAML at the head of a Markdown file, with the line of every value. Pure.

Only the plain part of YAML 1.2 is read: no tags, anchors or aliases, so that nothing is
constructed, shared or expanded. Dates stay the text that they are.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from lamplighter.errors import InvalidInput, Place

MAX_CHARACTERS = 50_000
FENCE = "---"

_TAG = "tag:yaml.org,2002:"
_TEXTS = {_TAG + "str", _TAG + "timestamp", _TAG + "value", _TAG + "merge"}
_TAGS = _TEXTS | {_TAG + kind for kind in ("int", "float", "bool", "null", "seq", "map")}


@dataclass(frozen=True, slots=True)
class Value:
    """A value and the line of the file in which it begins, counted from 1."""

    content: "str | int | float | bool | list[Value] | dict[str, Value] | None"
    line: int

    def plain(self) -> Any:
        """The value as ordinary Python data, without lines."""
        match self.content:
            case list():
                return [item.plain() for item in self.content]
            case dict():
                return {key: value.plain() for key, value in self.content.items()}
        return self.content


@dataclass(frozen=True, slots=True)
class Document:
    """A Markdown file: its frontmatter, and its body.

    Attributes:
        fields: What the frontmatter says; empty when there is none.
        body: The text below, stripped.
        body_line: The line in which the body begins, counted from 1.
    """

    fields: Mapping[str, Value]
    body: str
    body_line: int


def read_document(text: str) -> Document:
    """Take a Markdown file apart. Without ``---`` in its first line, all of it is body.

    Raises:
        InvalidInput: The frontmatter is not closed, is no YAML, or is no mapping; ``place.line``
            says where.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != FENCE:
        return Document({}, "\n".join(lines).strip(), 1)
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), None)
    if end is None:
        hint = "end it with a line that holds only ---"
        raise InvalidInput("the frontmatter is not closed", place=Place(line=1), hint=hint)
    body = "\n".join(lines[end + 1 :]).strip()
    return Document(_read_fields("\n".join(lines[1:end])), body, end + 2)


def _read_fields(block: str) -> Mapping[str, Value]:
    if len(block) > MAX_CHARACTERS:
        _refuse(1, f"the frontmatter has more than {MAX_CHARACTERS} characters", "shorten it")
    root = _compose(block)
    if root is None:
        return {}
    if not isinstance(root, MappingNode):
        _refuse(_line(root), "the frontmatter is no mapping", "write one `key: value` per line")
    content = _Converter().convert(root).content
    assert isinstance(content, dict)
    return content


def _compose(block: str) -> Any:
    try:
        return _Yaml(typ="safe", pure=True).compose(block)
    except MarkedYAMLError as error:
        _refuse_syntax(error, block)
    except ReaderError as error:
        line = block.count("\n", 0, error.position) + 2
        _refuse(line, f"the character {chr(error.character)!r} is not allowed here", "delete it")
    except YAMLError as error:
        _refuse(1, f"the frontmatter is no YAML: {error}", "check its syntax")
    except RecursionError:
        _refuse(1, "the frontmatter is nested too deeply", "use fewer brackets")


def _refuse_syntax(error: MarkedYAMLError, block: str) -> NoReturn:
    mark = error.problem_mark or error.context_mark
    if error.context_mark and "<stream end>" in str(error.problem):
        mark = error.context_mark  # where the unclosed thing begins
    number = mark.line if mark else 0
    line = (block.split("\n")[number : number + 1] or [""])[0]
    _, _, value = line.partition(":")
    hint = "check its syntax"
    if "\t" in line:
        hint = "indent with spaces, not with tabs"
    elif value.lstrip()[:1] in {"*", "@", "&", "!", "%", "`"} or ": " in value:
        hint = f'put the value in quotes: "{value.strip()}"'
    _refuse(number + 2, f"the frontmatter is no YAML: {error.problem or error.context}", hint)


class _Yaml(YAML):
    """The library's, without its plug-ins, for which it searches its folder for every document."""

    def official_plug_ins(self) -> list[str]:
        return []


class _Converter:
    """Turns composed nodes into values; a node met twice came through an alias."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._scalars = _Yaml(typ="safe", pure=True).constructor

    def convert(self, node: Any) -> Value:
        if id(node) in self._seen:
            _refuse(_line(node), "YAML aliases are not supported", "repeat the value")
        self._seen.add(id(node))
        if node.tag not in _TAGS:
            _refuse(_line(node), f"the YAML tag {node.tag} is not supported", "delete it")
        match node:
            case MappingNode():
                return Value(self._mapping(node), _line(node))
            case SequenceNode():
                return Value([self.convert(item) for item in node.value], _line(node))
            case _:
                return Value(self._scalar(node), _line(node))

    def _mapping(self, node: Any) -> dict[str, Value]:
        fields: dict[str, Value] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                _refuse(_line(key), "a key is no text", "write `key: value`")
            name = str(key.value)
            if name in fields:
                first = fields[name].line
                _refuse(_line(key), f"the key {name!r} stands twice (first in line {first})",
                        "keep one of them", name)  # fmt: skip
            converted = self.convert(value)
            fields[name] = Value(converted.content, _line(key))
        return fields

    def _scalar(self, node: Any) -> str | int | float | bool | None:
        if node.tag in _TEXTS:
            return str(node.value)
        try:
            content: int | float | bool | None = self._scalars.construct_object(node)
        except (ValueError, KeyError):  # a forced tag that does not fit, or thousands of digits
            _refuse(_line(node), f"{node.value[:40]!r} is no number", "put it in quotes")
        if isinstance(content, float) and not math.isfinite(content):
            return str(node.value)  # JSON has no infinity
        return content


def _line(node: Any) -> int:
    """The line in the file: marks count from 0, and the fence stands above."""
    return int(node.start_mark.line) + 2


def _refuse(line: int, message: str, hint: str, field: str | None = None) -> NoReturn:
    raise InvalidInput(message, place=Place(line=line, field=field), hint=hint)
