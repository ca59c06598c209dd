import sys
from pathlib import Path
from typing import Any

import pytest
from servers import TOKEN, mcp_server
from visits import visited

SERVER = Path(__file__).with_name("mcp_server.py")


def test_resources_are_documents_and_one_that_fails_is_reported(tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("# Tea\nGreen.")
    args = [str(SERVER), str(notes)]
    source = visited(tmp_path, type="mcp", command=sys.executable, args=args)
    assert source.counts() == (2, 0, 0, 0)
    sums, today = source.documents()
    assert (today.title, today.text, today.url) == (
        "Notes of today",
        "# Tea\nGreen.",
        "notes://today",
    )
    assert sums.text == "name,sum\nTea,3"
    assert len(source.skipped()) == 1
    notes.write_text("# Tea\nBlack.")
    assert source.counts() == (0, 1, 0, 1)


def test_a_server_over_http_is_asked_with_its_token(tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("# Tea\nGreen.")
    with mcp_server(notes) as url:
        source = visited(tmp_path, type="mcp", url=url)
        assert "does not let us in; use: lamplighter source login it" in source.error()
        source.keyring.put({"token": "expired"})
        assert "does not let us in" in source.error()
        assert len(source.notices()) == 1
        source.keyring.put({"token": TOKEN})
        assert source.counts() == (2, 0, 0, 0)
        notes.write_text("# Tea\nBlack.")
        assert source.counts() == (0, 1, 0, 1)
    assert url in source.error()
    assert len(source.documents()) == 2


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"command": sys.executable, "owner": "ann@x.org"}, "a program can only be used by"),
        ({"url": "http://127.0.0.1:9/mcp", "owner": "ann@x.org"}, "127.0.0.1:9"),
        ({"command": "/no/such/program"}, "/no/such/program"),
    ],
)
def test_what_does_not_work_is_said(tmp_path: Path, config: dict[str, Any], reason: str) -> None:
    assert reason in visited(tmp_path, type="mcp", **config).error()
