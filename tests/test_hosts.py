"""Where commands may go."""

import pytest

from lamplighter.definitions.hosts import read_host
from lamplighter.definitions.markdown import read_agent
from lamplighter.errors import InvalidInput


@pytest.mark.parametrize(
    ("entry", "host", "port", "admitted"),
    [
        ("example.org", "example.org", 443, True),
        ("example.org", "Example.ORG.", 80, True),
        ("example.org", "example.org", 22, False),
        ("example.org", "files.example.org", 443, False),
        ("example.org", "evilexample.org", 443, False),
        ("example.org", "example.org.evil.example", 443, False),
        ("*.example.com", "a.b.example.com", 443, True),
        ("*.example.com", "example.com", 443, False),
        ("*.example.com", "evilexample.com", 443, False),
        ("example.com:8443", "example.com", 8443, True),
        ("example.com:8443", "example.com", 443, False),
        ("bücher.example", "xn--bcher-kva.example", 443, True),
    ],
)
def test_an_entry_admits_its_hosts_and_no_others(
    entry: str, host: str, port: int, admitted: bool
) -> None:
    assert read_host(entry).admits(host, port) is admitted


@pytest.mark.parametrize(
    "entry",
    ["", "*", "*.com", "a b", "http://a.example", "a.example/x", "a.*.example", "a.example:0",
     "a.example:65536", "-a.example", "[::1]", "a..example", "user@a.example"],
)  # fmt: skip
def test_what_is_no_host_is_refused(entry: str) -> None:
    with pytest.raises(InvalidInput):
        read_host(entry)


def read(frontmatter: str) -> tuple[tuple[str, ...], list[str]]:
    text = f"---\ntools: [run_bash]\n{frontmatter}\n---\nGo."
    agent, problems = read_agent(text, name="a", file="a.md", timezone="UTC")
    return tuple(map(str, agent.network)) if agent else (), [str(each) for each in problems]


def test_an_agents_file_names_hosts() -> None:
    assert read("network: {allow: [Example.ORG, '*.example.com:8443']}") == (
        ("example.org", "*.example.com:8443"),
        [],
    )


@pytest.mark.parametrize(
    ("frontmatter", "problem"),
    [
        (
            "limits: {memory_mb: 1}",
            "[limits.memory_mb]: error: memory_mb is a whole number from 64",
        ),
        ("limits: {memory: 512}", "unknown limit 'memory'"),
        ("limits: {command_timeout: soon}", "a.md:3 [limits.command_timeout]: error"),
        ("network: on", "a.md:3 [network]: error: network is a mapping with the one key allow"),
        ("network: {deny: [a.example]}", "a.md:3 [network]: error: network is a mapping"),
        ("network:\n  allow: a.example", "network.allow is a list, not a text"),
        ("network:\n  allow:\n  - a.example\n  - 'a b'", "a.md:6 [network.allow[1]]: error: 'a b'"),
    ],
)
def test_mistakes_are_told_with_their_place(frontmatter: str, problem: str) -> None:
    _, [told] = read(frontmatter)
    assert problem in told
