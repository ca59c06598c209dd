from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from servers import ADDRESS, PASSWORD, Answer, Request, calendar_server, web_server
from visits import Visited, visited

from lamplighter import clock
from lamplighter.testing import HeldClock

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


def calendar(*events: str) -> str:
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test", *events, "END:VCALENDAR", ""]
    )


def event(uid: str, start: str, *lines: str) -> str:
    head = ("BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20261101T000000Z", f"DTSTART{start}")
    return "\r\n".join([*head, *lines, "END:VEVENT"])


TEA = event(
    "tea@x",
    ";TZID=Europe/Berlin:20261120T160000",
    "DTEND;TZID=Europe/Berlin:20261120T170000",
    "SUMMARY:Tea",
    "LOCATION:Kitchen",
    "ORGANIZER;CN=Bo Burn:mailto:bo@x.org",
    "ATTENDEE;CN=Ann:mailto:ann@x.org",
    "DESCRIPTION:Bring cake.",
)
WEEKLY = event(
    "weekly@x",
    ";TZID=Europe/Berlin:20261102T090000",
    "DURATION:PT1H",
    "RRULE:FREQ=WEEKLY",
    "EXDATE;TZID=Europe/Berlin:20261109T090000",
    "SUMMARY:Weekly",
)
MOVED = event(
    "weekly@x",
    ";TZID=Europe/Berlin:20261124T110000",
    "RECURRENCE-ID;TZID=Europe/Berlin:20261123T090000",
    "SUMMARY:Weekly (moved)",
)


@pytest.fixture
def today() -> Iterator[HeldClock]:
    held = HeldClock(NOW)
    with clock.using(held):
        yield held


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with calendar_server(tmp_path_factory.mktemp("radicale")) as url:
        yield url


@pytest.fixture
def caldav(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server}{ADDRESS}/", auth=(ADDRESS, PASSWORD)) as client:
        assert client.request("MKCALENDAR", "work/").status_code == 201
        yield client
        client.delete("work/")


def account(tmp_path: Path, url: str, password: str = PASSWORD) -> Visited:
    source = visited(tmp_path, type="calendar", url=url, user=ADDRESS)
    source.keyring.put({"password": password})
    return source


def test_the_calendars_of_an_account(
    tmp_path: Path, server: str, caldav: httpx.Client, today: HeldClock
) -> None:
    caldav.put("work/tea.ics", content=calendar(TEA)).raise_for_status()
    source = account(tmp_path, server)
    assert source.counts() == (1, 0, 0, 0)
    (tea,) = source.documents()
    assert (tea.title, tea.kind, tea.author) == ("Tea", "event", "Bo Burn")
    assert tea.dated_at == datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    assert tea.text.splitlines() == [
        "When: Friday, 2026-11-20 16:00 to 17:00 (CET)",
        "Where: Kitchen",
        "Organizer: Bo Burn <bo@x.org>",
        "Attendees: Ann <ann@x.org>",
        "",
        "Bring cake.",
    ]


def test_only_changed_events_are_fetched_and_deleted_ones_go(
    tmp_path: Path, server: str, caldav: httpx.Client, today: HeldClock
) -> None:
    caldav.put("work/tea.ics", content=calendar(TEA))
    caldav.put("work/b.ics", content=calendar(TEA.replace("tea@x", "b@x")))
    source = account(tmp_path, f"{server}{ADDRESS}/work/")
    assert source.counts() == (2, 0, 0, 0)
    assert source.counts() == (0, 0, 0, 2)
    caldav.put("work/tea.ics", content=calendar(TEA.replace("Kitchen", "Garden")))
    caldav.delete("work/b.ics")
    assert source.counts() == (0, 1, 1, 0)
    assert "Where: Garden" in source.documents()[0].text


def test_a_wrong_password_is_said(tmp_path: Path, server: str, caldav: httpx.Client) -> None:
    assert "does not let us in" in account(tmp_path, server, "wrong").error()


def test_a_repeating_event_has_a_document_for_each_time_in_the_window(
    tmp_path: Path, today: HeldClock
) -> None:
    (tmp_path / "a.ics").write_text(calendar(WEEKLY, MOVED))
    source = visited(tmp_path, type="calendar", path="a.ics", past_days=14, future_days=14)
    source.sync()
    assert [
        (each.path, each.title, f"{each.dated_at:%d %H:%M}") for each in source.documents()
    ] == [
        ("weekly@x", "Weekly", "02 08:00"),
        ("weekly@x/2026-11-02T0800", "Weekly", "02 08:00"),
        ("weekly@x/2026-11-16T0800", "Weekly", "16 08:00"),
        ("weekly@x/2026-11-23T0800", "Weekly (moved)", "24 10:00"),
    ]
    assert source.counts() == (0, 0, 0, 4)
    today.advance(days=7)
    assert source.counts() == (1, 0, 1, 3)
    assert source.documents()[-1].path == "weekly@x/2026-11-30T0800"


def test_what_makes_no_sense_is_reported_and_the_rest_is_read(
    tmp_path: Path, today: HeldClock
) -> None:
    odd = [
        event("mars@x", ";TZID=Mars/Base:20261124T090000", "SUMMARY:Mars"),
        event("when@x", ":soon", "SUMMARY:When"),
        event("day@x", ";VALUE=DATE:20261130", "SUMMARY:All day"),
    ]
    (tmp_path / "a.ics").write_text(calendar(*odd, TEA))
    source = visited(tmp_path, type="calendar", path="a.ics")
    source.sync()
    assert {each.title for each in source.documents()} == {"Tea", "All day"}
    assert "time zone that nobody knows: Mars/Base" in source.skipped()["mars@x"]
    assert "DTSTART makes no sense" in source.skipped()["when@x"]


def test_a_folder_of_files_of_which_one_is_no_calendar(tmp_path: Path, today: HeldClock) -> None:
    (tmp_path / "ics").mkdir()
    (tmp_path / "ics" / "good.ics").write_text(calendar(TEA))
    (tmp_path / "ics" / "bad.ics").write_text("Hello")
    source = visited(tmp_path, type="calendar", path="ics")
    source.sync()
    assert [each.path for each in source.documents()] == ["good.ics/tea@x"]
    assert "no calendar" in source.skipped()["bad.ics"]


def test_a_feed_is_only_read_again_if_it_changed(tmp_path: Path, today: HeldClock) -> None:
    def answer(request: Request) -> Answer:
        if request.headers.get("if-none-match") == '"1"':
            return Answer(status=304)
        return Answer(calendar(TEA), headers={"ETag": '"1"', "Content-Type": "text/calendar"})

    with web_server(answer) as web:
        source = visited(tmp_path, type="calendar", url=f"{web.url}/team.ics")
        assert source.counts() == (1, 0, 0, 0)
        assert source.counts() == (0, 0, 0, 0)
        assert len(source.documents()) == 1
        assert "if-none-match" in web.requests[1].headers


def test_a_password_is_not_carried_to_another_server(tmp_path: Path) -> None:
    with web_server(lambda _: Answer(status=404), host="127.0.0.2") as thief:

        def answer(request: Request) -> Answer:
            home = f"<C:calendar-home-set><d:href>{thief.url}/</d:href></C:calendar-home-set>"
            names = 'xmlns:d="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
            told = f"<d:response><d:href>/</d:href>{home}</d:response>"
            return Answer(f"<d:multistatus {names}>{told}</d:multistatus>", status=207)

        with web_server(answer) as web:
            assert "leads to" in account(tmp_path, web.url).error()
        assert thief.requests == []


def test_a_server_that_is_none_is_said(tmp_path: Path) -> None:
    with web_server(lambda _: Answer("<html>Hello", status=207)) as web:
        assert "CalDAV" in visited(tmp_path, type="calendar", url=web.url).error()
