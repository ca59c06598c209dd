"""The documents say what is true."""

import re
from pathlib import Path

from pydantic import AliasChoices

from lamplighter.config import Settings
from lamplighter.definitions.agent import ALL_TOOLS

ROOT = Path(__file__).parent.parent


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        if name == "workspace":
            continue
        alias = field.validation_alias
        names = alias.choices if isinstance(alias, AliasChoices) else [name]
        for each in map(str, names):
            pattern = rf"`{each}`|\[{each}\." if each.islower() else f"`{each}`"
            assert re.search(pattern, text), f"{each} is not in docs/settings.md"


def test_every_tool_and_every_key_of_an_agent_file_is_documented() -> None:
    from lamplighter.definitions.markdown import KEYS

    text = (ROOT / "docs" / "agents.md").read_text()
    for word in [*ALL_TOOLS, *KEYS]:
        assert f"`{word}`" in text, f"{word} is not in docs/agents.md"


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
