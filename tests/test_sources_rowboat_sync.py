import json
from pathlib import Path

from visits import visited

THREAD = """# Plan for tea

**Thread ID:** 18abc
**Message Count:** 2

---

### From: Ann <ann@x.org>
**Date:** Mon, 05 Oct 2026 09:00:00 +0200

Green?

---

### From: Bo Burn <bo@x.org>
**Date:** Tue, 06 Oct 2026 09:00:00 +0200

Black.
"""
EVENT = {
    "id": "ev1",
    "summary": "Tea",
    "start": {"dateTime": "2026-11-20T16:00:00+01:00"},
    "end": {"dateTime": "2026-11-20T17:00:00+01:00"},
    "organizer": {"email": "bo@x.org", "displayName": "Bo Burn"},
    "attendees": [{"email": "ann@x.org"}],
    "htmlLink": "https://calendar/ev1",
    "description": "Bring cake.",
}


def test_threads_and_events(tmp_path: Path) -> None:
    (tmp_path / "gmail_sync").mkdir()
    (tmp_path / "calendar_sync").mkdir()
    (tmp_path / "gmail_sync" / "18abc.md").write_text(THREAD)
    (tmp_path / "gmail_sync" / "sync_state.json").write_text("{}")
    (tmp_path / "calendar_sync" / "ev1.json").write_text(json.dumps(EVENT))
    (tmp_path / "calendar_sync" / "bad.json").write_text("{")
    source = visited(tmp_path, type="rowboat_sync", path=".")
    assert source.counts() == (2, 0, 0, 0)
    event, thread = source.documents()
    assert (thread.title, thread.author, thread.kind) == ("Plan for tea", "Bo Burn", "email")
    assert thread.dated_at.isoformat() == "2026-10-06T07:00:00+00:00"
    assert thread.text == THREAD.strip()
    assert (event.title, event.kind, event.url) == ("Tea", "event", "https://calendar/ev1")
    assert event.dated_at.isoformat() == "2026-11-20T15:00:00+00:00"
    assert "Attendees: ann@x.org" in event.text
    assert set(source.skipped()) == {"calendar_sync/bad.json"}


def test_a_folder_that_is_away_for_now_is_kept(tmp_path: Path) -> None:
    for name, text in {
        "gmail_sync/a.md": THREAD,
        "calendar_sync/e.json": json.dumps(EVENT),
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    source = visited(tmp_path, type="rowboat_sync", path=".")
    source.sync()
    (tmp_path / "calendar_sync").rename(tmp_path / "away")
    assert source.counts()[2] == 0
    assert len(source.documents()) == 2
    (tmp_path / "gmail_sync").rename(tmp_path / "away2")
    assert "neither gmail_sync nor calendar_sync" in source.error()
