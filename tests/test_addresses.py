"""E-mail addresses, and whom an agent may write to."""

import pytest

from lamplighter.addresses import read_address, read_addresses, read_recipient
from lamplighter.definitions.markdown import read_agent
from lamplighter.definitions.recipients import TO_NOBODY, Correspondence
from lamplighter.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ann@x.org", "ann@x.org"),
        (" Ann.B+news@X.ORG. ", "Ann.B+news@x.org"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@intranet", "ann@intranet"),
    ],
)
def test_an_address_is_written_in_one_way(text: str, address: str) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "ann", "@x.org", "ann@", "ann@@x.org", "a b@x.org", "ann@x .org", "<ann@x.org>"),
        *(
            "ann@x.org>",
            '"a b"@x.org',
            "ann@[127.0.0.1]",
            ".ann@x.org",
            "a..b@x.org",
            "ännchen@x.org",
        ),
        *("ann@x.org\nb@x.org", "ann\n@x.org", "ann@x.org\x00", "ann@x..org", "ann@-x.org"),
        *(
            f"{'a' * 65}@x.org",
            f"a@{'b' * 64}.org",
            f"a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 70}",
        ),
        *("ann@x_y.org", "ann@x.org/../..", "ann@%00.org", "ann@x.org,bo@x.org"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_address(text)


def test_of_equal_addresses_one_counts() -> None:
    assert read_addresses(["Ann@x.org", "ann@X.org", "bo@x.org"]) == ["ann@x.org", "bo@x.org"]


def test_an_agent_may_write_to_addresses_and_to_domains() -> None:
    allowed = Correspondence((read_recipient("ann@x.org"), read_recipient("@Bücher.example")))
    admitted = ["ann@x.org", "ANN@x.org", "bo@xn--bcher-kva.example"]
    assert [*map(allowed.admits, admitted)] == [True, True, True]
    assert [*map(allowed.names, admitted)] == [True, True, False]
    for other in ("bo@x.org", "ann@sub.x.org", "ann@a.xn--bcher-kva.example"):
        assert not allowed.names(other)
        assert not allowed.admits(other)
    assert not TO_NOBODY.admits("ann@x.org")


@pytest.mark.parametrize(
    ("email", "line", "field"),
    [
        ("email: ann@x.org", 3, "email"),
        ("email: {}", 3, "email"),
        ("email: {to: ann@x.org}", 3, "email"),
        ("email:\n  to:\n    - ann@x.org\n    - not an address", 6, "email.to[1]"),
        ("email: {to: [x.org], per_day: 0}", 3, "email.per_day"),
        ("email: {to: [x.org], per_week: 1}", 3, "email.per_week"),
    ],
)
def test_a_mistake_is_told_with_its_line(email: str, line: int, field: str) -> None:
    text = f"---\ntype: org\n{email}\nactions: [send_email]\n---\nWrite."
    agent, problems = read_agent(text, name="a", file="a.md", timezone="UTC")
    assert agent is None
    errors = [each for each in problems if each.level == "error"]
    assert (errors[0].place.line, errors[0].place.field) == (line, field)


def test_the_mode_of_effects_is_one_of_three() -> None:
    for mode in ("send", "hold", "staged"):
        text = f"---\neffects: {mode}\n---\nWrite."
        agent, _ = read_agent(text, name="a", file="a.md", timezone="UTC")
        assert agent is not None
        assert agent.effects == mode
    agent, problems = read_agent("---\neffects: off\n---\nW.", name="a", file="a", timezone="UTC")
    assert agent is None
    assert "send, hold or staged" in problems[0].message
