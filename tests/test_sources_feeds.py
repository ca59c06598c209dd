from pathlib import Path

import pytest
from servers import Answer, Request, web_server
from visits import visited

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>
{items}</channel></rss>"""
ITEM = """<item><guid>{id}</guid><title>{title}</title><link>https://x.org/{id}</link>
<author>bo@x.org (Bo)</author><pubDate>Mon, 05 Oct 2026 09:00:00 +0200</pubDate>
<description>&lt;p&gt;All about &lt;b&gt;{title}&lt;/b&gt;.&lt;/p&gt;</description></item>"""
ATOM = """<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title>
<entry><id>urn:1</id><title>First &amp; last</title><updated>2026-10-06T10:00:00Z</updated>
<link href="https://blog.x.org/1"/><author><name>Cy</name><email>cy@x.org</email></author>
<content type="html">&lt;p&gt;Hello&lt;/p&gt;</content></entry></feed>"""


def rss(*titles: str) -> str:
    return RSS.format(items="".join(ITEM.format(id=title, title=title) for title in titles))


@pytest.fixture
def pages() -> dict[str, Answer]:
    """What the server answers, by path."""
    return {}


def answer_by(pages: dict[str, Answer]) -> "object":
    def answer(request: Request) -> Answer:
        page = pages.get(request.path, Answer(status=404))
        if (
            page.headers.get("ETag")
            and request.headers.get("if-none-match") == page.headers["ETag"]
        ):
            return Answer(status=304)
        return page

    return answer


def test_entries_of_rss_and_atom(tmp_path: Path, pages: dict[str, Answer]) -> None:
    pages |= {"/rss": Answer(rss("Tea", "Milk")), "/atom": Answer(ATOM)}
    with web_server(answer_by(pages)) as web:  # type: ignore[arg-type]
        source = visited(tmp_path, type="feeds", urls=[f"{web.url}/rss", f"{web.url}/atom"])
        assert source.counts() == (3, 0, 0, 0)
    found = {each.title: each for each in source.documents()}
    assert set(found) == {"Tea", "Milk", "First & last"}
    assert found["Tea"].text.splitlines()[-1] == "All about Tea."
    assert found["Tea"].url == "https://x.org/Tea"
    assert found["Tea"].dated_at.isoformat() == "2026-10-05T07:00:00+00:00"
    assert (found["First & last"].author, found["First & last"].kind) == ("Cy", "post")


def test_a_feed_forgets_its_entries_and_we_do_not(tmp_path: Path, pages: dict[str, Answer]) -> None:
    pages["/rss"] = Answer(rss("One"), headers={"ETag": '"1"'})
    with web_server(answer_by(pages)) as web:  # type: ignore[arg-type]
        source = visited(tmp_path, type="feeds", urls=[f"{web.url}/rss"])
        source.sync()
        assert source.counts() == (0, 0, 0, 0)  # the server said: not modified
        pages["/rss"] = Answer(rss("Two"), headers={"ETag": '"2"'})
        assert source.counts() == (1, 0, 0, 0)
        pages["/rss"] = Answer(rss("Two!").replace("<guid>Two!", "<guid>Two"))
        assert source.counts() == (0, 1, 0, 0)
    assert {each.title for each in source.documents()} == {"One", "Two!"}


def test_a_feed_that_leaves_the_settings_leaves_the_index(
    tmp_path: Path, pages: dict[str, Answer]
) -> None:
    pages |= {"/rss": Answer(rss("Tea")), "/atom": Answer(ATOM)}
    with web_server(answer_by(pages)) as web:  # type: ignore[arg-type]
        source = visited(tmp_path, type="feeds", urls=[f"{web.url}/rss", f"{web.url}/atom"])
        source.sync()
        source.configure(urls=[f"{web.url}/atom"])
        assert source.counts() == (0, 0, 1, 1)


def test_one_feed_that_fails_stops_no_other_and_is_reported_until_it_works(
    tmp_path: Path, pages: dict[str, Answer]
) -> None:
    pages |= {"/rss": Answer(rss("Tea")), "/page": Answer("<html><p>Hello")}
    with web_server(answer_by(pages)) as web:  # type: ignore[arg-type]
        urls = [f"{web.url}/{name}" for name in ("gone", "page", "rss")]
        source = visited(tmp_path, type="feeds", urls=urls)
        assert source.counts() == (1, 0, 0, 0)
        gone, page = source.skipped().values()
        assert "404" in gone
        assert "no feed" in page
        pages |= {"/gone": Answer(rss("Back")), "/page": Answer(ATOM)}
        source.sync()
        assert source.skipped() == {}
        assert len(source.documents()) == 3


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/feed", "no-url", "file:///etc/passwd"])
def test_addresses_that_lead_nowhere_are_reported(tmp_path: Path, url: str) -> None:
    source = visited(tmp_path, type="feeds", urls=[url])
    assert source.counts() == (0, 0, 0, 0)
    assert url in next(iter(source.skipped().values()))
