import pytest

from lamplighter.definitions.pages import Pages, find_pages, read_page
from lamplighter.errors import InvalidInput

FEED, BELOW = "https://x.org/feed.xml?all=1", "https://x.org/docs/*"


@pytest.mark.parametrize(
    ("url", "fixed"),
    [
        (FEED, True),
        (f"{FEED}&d=1", False),
        ("https://x.org/feed.xml", False),
        ("https://x.org/docs/a?b#c", True),
        ("https://x.org/docs", False),
        ("https://x.org/docs/../feed", False),
        ("https://x.org/docs/%2E%2e/feed", False),
        ("https://x.org/docs/.%2e/feed", False),
        ("https://x.org/docs\\..\\feed", False),
        ("https://x.org.evil.example/docs/a", False),
        ("https://x.org@evil.example/docs/a", False),
        ("http://x.org/docs/a", False),
        ("https://y.org", True),
        ("https://y.org/", True),
        ("https://y.org/?", False),
        ("https://y.org//", False),
        (f"{FEED}//////", False),
    ],
)
def test_what_a_file_fixes(url: str, fixed: bool) -> None:
    assert Pages((FEED, BELOW), frozenset({"https://y.org/"})).fixes(url) is fixed


def test_without_a_list_everything_is_admitted_and_only_what_is_written_is_fixed() -> None:
    pages = Pages(None, find_pages("Read <https://x.org/a>, then (https://x.org/b?c=d)."))
    assert pages.admits("https://evil.example/")
    assert not pages.fixes("https://evil.example/")
    assert pages.written == {"https://x.org/a", "https://x.org/b?c=d"}


def test_an_empty_list_admits_nothing() -> None:
    assert not Pages(()).admits("https://x.org/")


@pytest.mark.parametrize(
    "text", ["x.org", "ftp://x.org/a", "https://*.x.org/", "https://x.org*", "https:///a",
             "https://a@x.org/", "https://x.org/*/a"]
)  # fmt: skip
def test_what_is_no_entry(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_page(text)
