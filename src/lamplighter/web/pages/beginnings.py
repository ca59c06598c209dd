"""Agents to begin with: what the empty list offers."""

from collections.abc import Collection
from typing import NamedTuple


class Beginning(NamedTuple):
    """A text to begin with, and what the new agent may be called."""

    name: str
    text: str


_TEXTS = {
    "digest": Beginning(
        "daily-digest",
        """---
description: What is new in the documents, every weekday morning
schedule: weekdays at 8:30
{sources}---
List the documents that are new or changed since your last run, and read them.
Write digest.md: one sentence for each, with its id, the most important first.
Deliver it. If nothing is new, say so and stop.
""",
    ),
    "watch": Beginning(
        "topic-watch",
        """---
description: Tells only when there is something new about the topic
schedule: every 6 hours
{sources}tools: [search_documents, read_document]
---
The topic: ...

Search for what is new about it since your last run. If there is nothing, say so and stop.
Otherwise report what is new in three sentences, with the ids of the documents.
""",
    ),
    "weekly": Beginning(
        "weekly-report",
        """---
description: One page on Friday afternoon, with its sources
schedule: every friday at 16:00
{sources}---
Read what the documents of the last seven days say. Write report.md, one page:
what was decided, what is open, who waits for whom. Cite each source by its id.
Deliver it.
""",
    ),
    "data": Beginning(
        "data-sync",
        """---
description: Keeps a table up to date
schedule: daily at 22:15
{sources}tools: [list_documents, read_document, read_file, write_file, run_python, deliver_file]
---
Read the documents that are new since your last run. With Python, make table.csv with one row
for each: date, title, id, and the amounts that it names. Check the number of rows. Deliver it.
""",
    ),
}
BLANK = Beginning("", "")


def begin(like: str, sources: Collection[str]) -> Beginning:
    """The agent to begin with that is called ``like``, on these sources; else an empty one."""
    found = _TEXTS.get(like)
    if found is None:
        return BLANK
    named = f"sources: [{', '.join(sources)}]\n" if sources else ""
    return Beginning(found.name, found.text.format(sources=named))
