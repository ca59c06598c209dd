"""Where things are on the page: agents, runs and their steps."""

import re
from urllib.parse import quote

from lamplighter.roster import Roster, id_of

TAKEN = frozenset({"new", "draft", "problems"})
"""Pages below ``/agents``; an agent of such a name goes by its id."""

_ID = re.compile(r"[0-9a-f]{16}")


def agent_url(home: Roster, name: str) -> str:
    """The page of an agent: by its name where that is short and clear, else by its id."""
    is_clear = not (home.settings.team or "/" in name or name in TAKEN or _ID.fullmatch(name))
    return f"/agents/{quote(name, safe='') if is_clear else id_of(name)}"


def run_url(run_id: str) -> str:
    """The page of a run."""
    return f"/runs/{run_id}"
