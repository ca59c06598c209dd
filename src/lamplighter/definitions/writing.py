"""Changes in an agent file; comments, order and quotes stay as its author wrote them. Pure."""

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from lamplighter.definitions.frontmatter import FENCE, read_document

BODY = "instructions"


def write_fields(text: str, changes: Mapping[str, Any]) -> str:
    """The file ``text`` with ``changes`` made; all else stays.

    Args:
        text: The file, or nothing for a new one.
        changes: Values by key; ``None`` takes a key away. ``instructions`` is the body.

    Raises:
        InvalidInput: The file's frontmatter cannot be read, so it cannot be changed safely.
    """
    document = read_document(text)
    body = changes.get(BODY, document.body) or ""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    has_head = lines[0].rstrip() == FENCE
    head = "\n".join(lines[1 : document.body_line - 2]) + "\n" if has_head else ""
    changed = _change(head, {key: value for key, value in changes.items() if key != BODY})
    if not changed and not body.startswith(FENCE):
        return f"{body.strip()}\n"
    return f"{FENCE}\n{changed}{FENCE}\n{body.strip()}\n"


def _change(head: str, changes: Mapping[str, Any]) -> str:
    if not changes:
        return head
    yaml = YAML()  # keeps comments, order and quotes
    yaml.preserve_quotes = True
    yaml.width = 10_000
    fields = yaml.load(head) or yaml.map()
    for key, value in changes.items():
        if value is None:
            fields.pop(key, None)
        else:
            fields[key] = value
    if not fields:
        return ""
    stream = io.StringIO()
    yaml.dump(fields, stream)
    return stream.getvalue()
