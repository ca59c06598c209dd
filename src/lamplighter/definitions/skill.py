"""Skills: Markdown files that say how something is done. Pure: text in, values out."""

from dataclasses import dataclass

from lamplighter.definitions.frontmatter import Value, read_document

FILE = "SKILL.md"


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill.

    Attributes:
        name: As it calls itself, else its folder.
        description: When it is of use.
        tools: What it was written for; it gives no leave to call them.
        body: What it says.
    """

    name: str
    description: str
    tools: tuple[str, ...]
    body: str


def read_skill(text: str, folder: str) -> Skill:
    """Read a ``SKILL.md`` in a folder of that name.

    Raises:
        InvalidInput: Its frontmatter is none.
    """
    document = read_document(text)
    fields = {key: value.plain() for key, value in document.fields.items()}
    tools = document.fields.get("tools") or document.fields.get("allowed-tools")
    return Skill(
        name=str(fields.get("name") or folder),
        description=str(fields.get("description") or ""),
        tools=_names(tools) if tools else (),
        body=document.body,
    )


def _names(value: Value) -> tuple[str, ...]:
    given = value.plain()
    if isinstance(given, str):
        given = given.replace(",", " ").split()
    return tuple(str(each) for each in given) if isinstance(given, list | dict) else ()
