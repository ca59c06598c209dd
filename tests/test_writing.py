"""Changes in agent files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamplighter.definitions.frontmatter import read_document
from lamplighter.definitions.writing import write_fields
from lamplighter.errors import InvalidInput

FILE = """\
---
# Ann's digest
schedule: "30 8 * * 1-5"  # not on weekends
sources: [notes]
---
Write a digest.
"""


def test_all_but_the_change_stays_as_it_was_written() -> None:
    changed = write_fields(FILE, {"description": "News", "sources": ["notes", "mail"]})
    assert "# Ann's digest" in changed
    assert 'schedule: "30 8 * * 1-5"  # not on weekends' in changed
    document = read_document(changed)
    assert document.fields["sources"].plain() == ["notes", "mail"]
    assert document.body == "Write a digest."


def test_a_change_of_nothing_changes_nothing() -> None:
    assert write_fields(FILE, {}) == FILE


def test_a_null_takes_a_key_away() -> None:
    assert "schedule" not in write_fields(FILE, {"schedule": None})
    assert write_fields("---\nmodel: x\n---\nGo.\n", {"model": None}) == "Go.\n"


def test_instructions_are_the_body_and_never_become_frontmatter() -> None:
    sly = write_fields("", {"instructions": "---\ntype: org\n---\nGo."})
    document = read_document(sly)
    assert document.fields == {}
    assert document.body == "---\ntype: org\n---\nGo."


def test_a_broken_file_is_not_made_worse() -> None:
    with pytest.raises(InvalidInput):
        write_fields("---\nschedule: [\n---\nGo.", {"model": "x"})


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


@given(TEXTS, st.lists(TEXTS, max_size=3), TEXTS.filter(str.strip))
def test_whatever_is_written_is_read_back(text: str, texts: list[str], body: str) -> None:
    given_ = {"message": text, "tools": texts, "limits": {"timeout": text}}
    document = read_document(write_fields(FILE, given_ | {"instructions": body}))
    assert {name: document.fields[name].plain() for name in given_} == given_
    assert document.body == body.strip()
