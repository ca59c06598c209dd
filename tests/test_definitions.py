import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamplighter.definitions.agent import DEFAULT_TOOLS, Agent, Limits, Problem
from lamplighter.definitions.catalogue import build_catalogue
from lamplighter.definitions.markdown import MAX_SIZE_BYTES, read_agent
from lamplighter.definitions.references import Known, check_references
from lamplighter.errors import Place
from lamplighter.schedule import Cron, Interval, Schedule

BERLIN = "Europe/Berlin"
Reading = tuple[Agent | None, tuple[Problem, ...]]


def read(text: str) -> Reading:
    return read_agent(text, name="digest", file="agents/digest.md", timezone=BERLIN)


def read_fields(fields: str) -> Reading:
    return read(f"---\n{fields}\n---\nDo it.\n")


def sound(text: str) -> Agent:
    agent, problems = read(text)
    assert problems == ()
    assert agent is not None
    return agent


# Reading a file


def test_reads_everything_that_an_agent_can_say() -> None:
    agent = sound(
        """---
name: digest
description: What is new
model: openai:gpt-5
schedules:
  - "0 9 * * 1-5"
  - {every: 6 hours, timezone: Asia/Kolkata}
timezone: America/New_York
tools: [search_documents, write_file]
type: org
sources: [notes, mail]
actions:
  - search_documents
limits: {iterations: 5, timeout: 10m}
message: Go.
enabled: false
---

# Digest

Read *everything*.
"""
    )
    assert agent == Agent(
        name="digest",
        instructions="# Digest\n\nRead *everything*.",
        description="What is new",
        model="openai:gpt-5",
        schedules=(
            Schedule(Cron("0 9 * * 1-5"), "America/New_York"),
            Schedule(Interval(21600), "Asia/Kolkata"),
        ),
        tools=("search_documents", "write_file"),
        type="org",
        sources=("notes", "mail"),
        actions=("search_documents",),
        limits=Limits(iterations=5, timeout_seconds=600.0),
        message="Go.",
        timezone="America/New_York",
        enabled=False,
    )
    assert agent.lines["tools[1]"] == 9
    assert agent.lines["actions[0]"] == 13


@pytest.mark.parametrize(
    "text", ["Do it.", "\n\nDo it.\n", "---\n---\nDo it.", "---\n# x\n---\nDo it."]
)
def test_an_agent_needs_only_instructions(text: str) -> None:
    agent = sound(text)
    assert agent == Agent(name="digest", instructions="Do it.")
    assert agent.allowed_tools == DEFAULT_TOOLS


def test_rules_further_down_belong_to_the_instructions() -> None:
    assert sound("One\n---\nTwo").instructions == "One\n---\nTwo"
    assert sound("---\nenabled: true\n---\nOne\n---\nTwo").instructions == "One\n---\nTwo"


def test_windows_line_ends_and_byte_order_mark_do_not_matter() -> None:
    agent = sound(
        '\ufeff---\r\nschedule: "@daily"\r\nenabled: no\r\n---\r\nOne\r\nTwo\r\n'.replace(
            "no", "false"
        )
    )
    assert agent.instructions == "One\nTwo"
    assert agent.schedules == (Schedule(Cron("0 0 * * *"), BERLIN),)
    assert agent.lines["enabled"] == 3


def test_an_empty_list_of_tools_means_none() -> None:
    assert sound("---\ntools: []\n---\nx").allowed_tools == ()


def test_an_org_agent_may_call_its_actions_only() -> None:
    agent = sound("---\ntype: org\nactions: [read_file, deliver_file]\n---\nx")
    assert agent.allowed_tools == ("read_file", "deliver_file")
    agent = sound("---\ntype: org\ntools: [write_file, read_file]\nactions: [read_file]\n---\nx")
    assert agent.allowed_tools == ("read_file",)


@pytest.mark.parametrize(
    "value", ["2030-01-31 09:00", "2030-01-31T09:00:00", "at 2030-01-31 09:00"]
)
def test_a_date_needs_no_quotes_and_is_local(value: str) -> None:
    (schedule,) = sound(f"---\nschedule: {value}\n---\nx").schedules
    assert str(schedule.timing.at) == "2030-01-31 08:00:00+00:00"  # type: ignore[union-attr]


def test_unknown_keys_are_kept_and_reported() -> None:
    agent, problems = read_fields("schedual: daily\nsupplier: {a: [1, 2030-01-31]}")
    assert agent is not None
    assert dict(agent.extra) == {"schedual": "daily", "supplier": {"a": [1, "2030-01-31"]}}
    assert [problem.level for problem in problems] == ["warning", "warning"]
    assert problems[0].hint == "did you mean schedule?"
    assert problems[0].place == Place("agents/digest.md", 2, "schedual")


@pytest.mark.parametrize(
    ("fields", "line", "field", "says"),
    [
        ("name: other", 2, "name", "called 'digest'"),
        ("type: org", 2, "type", "can call nothing"),
        ("actions: [read_file]", 2, "actions", "no effect on a user agent"),
        ("tools: [read_file,\n  read_file]", 3, "tools[1]", "twice"),
    ],
)
def test_warns_and_reads_on(fields: str, line: int, field: str, says: str) -> None:
    agent, problems = read_fields(fields)
    assert agent is not None
    (problem,) = problems
    assert (problem.level, problem.place) == ("warning", Place("agents/digest.md", line, field))
    assert says in problem.message


@pytest.mark.parametrize(
    ("fields", "line", "field", "says"),
    [
        ("enabled: true\n- x", 3, None, "no YAML"),
        ("- a\n- b", 2, None, "no mapping"),
        ("just words", 2, None, "no mapping"),
        ("model: x\nschedule: */5 * * * *", 3, None, "no YAML"),
        ("schedule: @daily", 2, None, "no YAML"),
        ("enabled: true\n\tmodel: x", 3, None, "no YAML"),
        ("model: x\ntools: [a\n", 3, None, "no YAML"),
        ("model: x\nsources: []\nmodel: y", 4, "model", "twice (first in line 2)"),
        ("a: &a [1]\nb: *a", 2, None, "aliases"),
        ("a: !!python/object:os.system x", 2, None, "tag"),
        ("a: " + "[" * 3000, 1, None, "nested too deeply"),
        ("a: " + "9" * 5000, 2, None, "no number"),
        ("a: " + "x" * 200_000, 1, None, "more than"),
        ("a: 1\nb: \x07", 3, None, "not allowed"),
        ("description: 5", 2, "description", "is a text, not a number"),
        ("description:", 2, "description", "no value"),
        ("model: [a]", 2, "model", "is a text, not a list"),
        ("enabled: 'yes'", 2, "enabled", "true or false"),
        ("type: admin", 2, "type", "user or org"),
        ("tools: read_file", 2, "tools", "is a list, not a text"),
        ("tools:", 2, "tools", "is a list, not nothing"),
        ("tools: [read_file, report]", 2, "tools", "is how a run ends"),
        ("tools:\n  a: {type: builtin}", 3, "tools.a", "is no tool"),
        ("tools:\n  - read_file\n  - 5", 4, "tools[1]", "is a name"),
        ("sources: {a: b}", 2, "sources", "is a list"),
        ("timezone: Europe/Berln", 2, "timezone", "unknown time zone"),
        ("schedule: ''", 2, "schedule", "empty"),
        ("schedule: 0 9 31 2 *", 2, "schedule", "never comes"),
        ("schedule: [a]", 2, "schedule", "not a list"),
        ("schedule:\n  cron: 60 * * * *", 3, "schedule.cron", "bad minute"),
        (
            "schedule:\n  cron: '@daily'\n  timezone: Mars",
            4,
            "schedule.timezone",
            "unknown time zone",
        ),
        (
            "schedule:\n  window: 8-10\n  on: weekdays\n  overlap: both",
            5,
            "schedule.overlap",
            "no value of overlap",
        ),
        (
            "schedule:\n  cron: '@daily'\n  quiet:\n    hours: 22-7\n    then: sleep",
            6,
            "schedule.quiet.then",
            "no way to be quiet",
        ),
        ("schedule: every weekday", 2, "schedule", "no time of day"),
        ("schedules:\n  - '@daily'\n  - nonsense", 4, "schedules[1]", "is no schedule"),
        ("schedules: '@daily'", 2, "schedules", "is a list"),
        ("limits: 5", 2, "limits", "is a mapping"),
        ("limits:\n  iterations: 0", 3, "limits.iterations", "from 1 on"),
        ("limits:\n  iterations: true", 3, "limits.iterations", "from 1 on"),
        ("limits:\n  timeout: soon", 3, "limits.timeout", "no length of time"),
        ("limits:\n  timeout: 0", 3, "limits.timeout", "out of range"),
        ("limits:\n  iteration: 5", 3, "limits.iteration", "unknown limit"),
    ],
)
def test_an_error_says_where_it_is(fields: str, line: int, field: str | None, says: str) -> None:
    agent, problems = read_fields(fields)
    assert agent is None
    (problem,) = problems
    assert problem.level == "error"
    assert problem.place == Place("agents/digest.md", line, field)
    assert says in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "no instructions"),
        ("  \n\n", 1, "no instructions"),
        ("---\nenabled: true\n---\n \n", 4, "no instructions"),
        ("---\nenabled: true\n", 1, "not closed"),
        ("one\ntwo\0", 2, "NUL"),
        ("x" * (MAX_SIZE_BYTES + 1), 1, "larger than 1 MB"),
        ("é" * (MAX_SIZE_BYTES // 2 + 1), 1, "larger than 1 MB"),
    ],
)
def test_a_bad_file_says_where(text: str, line: int, says: str) -> None:
    agent, problems = read(text)
    assert agent is None
    (problem,) = problems
    assert problem.place.file == "agents/digest.md"
    assert problem.place.line == line
    assert says in problem.message
    assert problem.hint


def test_all_errors_are_reported_at_once() -> None:
    _, problems = read_fields("model: 5\nschedules: [x, y, '@daily']\nlimits: 7\ntimezone: Mars")
    fields = [problem.place.field for problem in problems]
    assert sorted(map(str, fields)) == [
        "limits",
        "model",
        "schedules[0]",
        "schedules[1]",
        "timezone",
    ]


def test_unquoted_cron_is_answered_with_the_quoted_one() -> None:
    _, (problem,) = read_fields("schedule: */5 * * * *")
    assert problem.hint == 'put the value in quotes: "*/5 * * * *"'


@given(st.text(), st.text("---\n :[]{}*&!|>'\"#\taschedulotimnf019", max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_becomes_an_agent_or_errors_with_lines(text: str, fields: str) -> None:
    for each in (text, f"---\n{fields}\n---\n{text}"):
        agent, problems = read(each)
        errors = [problem for problem in problems if problem.level == "error"]
        assert (agent is None) == bool(errors)
        assert all(problem.place.line for problem in problems)


# References


def check(fields: str) -> list[Problem]:
    agent, _ = read_fields(fields)
    assert agent is not None
    known = Known(tools=DEFAULT_TOOLS, sources={"notes"})
    return check_references(agent, file="agents/digest.md", known=known)


@pytest.mark.parametrize(
    ("fields", "level", "line", "field", "says"),
    [
        ("sources: [notes]\ntools:\n- read_documents", "error", 4, "tools[0]", "unknown tool"),
        ("sources: [note]", "error", 2, "sources[0]", "unknown source"),
        (
            "type: org\nsources: [notes]\nactions: [read_documnt]",
            "error",
            4,
            "actions[0]",
            "unknown tool",
        ),
        ("tools: [read_document]", "warning", 2, "tools", "no sources"),
        ("description: x", "warning", None, "tools", "no sources"),
        ("sources: [notes]\ntools: [read_file]", "warning", 2, "sources", "no tool that reads"),
        (
            "type: org\nsources: [notes]\ntools: [read_document]\n"
            "actions: [read_document, read_file]",
            "warning",
            5,
            "actions",
            "not among its tools",
        ),
    ],
)
def test_checks_what_an_agent_refers_to(
    fields: str, level: str, line: int | None, field: str, says: str
) -> None:
    problem = check(fields)[0]
    assert (problem.level, problem.place) == (level, Place("agents/digest.md", line, field))
    assert says in problem.message
    assert problem.hint


def test_hints_name_the_nearest_and_all_there_are() -> None:
    hint = check("sources: [notes]\ntools: [read_documents]")[0].hint
    assert hint.startswith("did you mean read_document? Tools are: deliver_file, ")
    assert check("sources: [Notes]")[0].hint == "did you mean notes? Sources are: notes"


def test_a_sound_agent_has_no_problems() -> None:
    assert check("sources: [notes]\ntools: [read_document, write_file]") == []
    assert check("tools: [write_file]") == []


# Catalogue


def test_one_bad_file_stops_no_other() -> None:
    unreadable = Problem("error", "no UTF-8", Place("agents/c.md", 1), "save it as UTF-8")
    files: list[tuple[str, str | Problem]] = [
        ("a.md", "Do it."),
        ("b.md", "---\nmodel: 5\n---\nx"),
        ("c.md", unreadable),
        ("d/e.md", "x"),
    ]
    catalogue = build_catalogue(files, timezone=BERLIN)
    assert sorted(catalogue.agents) == ["a", "d/e"]
    assert [entry.name for entry in catalogue.entries] == ["a", "b", "c", "d/e"]
    assert [problem.place.file for problem in catalogue.problems] == ["agents/b.md", "agents/c.md"]
    found = catalogue.find("d/e")
    assert found is not None
    assert (found.file, found.text) == ("agents/d/e.md", "x")
    assert catalogue.find("x") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("digest.md", "Digest.md"),
        ("caf\u00e9.md", "cafe\u0301.md"),
        ("a/stra\u00dfe.md", "A/STRASSE.md"),
    ],
)
def test_two_agents_of_one_name_are_refused_both(one: str, other: str) -> None:
    catalogue = build_catalogue([(one, "x"), (other, "y"), ("third.md", "z")], timezone=BERLIN)
    assert list(catalogue.agents) == ["third"]
    assert {problem.place.file for problem in catalogue.problems} == {
        f"agents/{one}",
        f"agents/{other}",
    }
    for problem in catalogue.problems:
        assert problem.level == "error"
        assert f"agents/{one}" in problem.message
        assert f"agents/{other}" in problem.message


@pytest.mark.parametrize(
    "path", ["daily digest.md", "Team-1/übersicht_v2.0.md", "日報.md", "हिन्दी.md"]
)
def test_accepts_names_of_letters_digits_and_a_few_signs(path: str) -> None:
    catalogue = build_catalogue([(path, "x")], timezone=BERLIN)
    assert list(catalogue.agents) == [path.removesuffix(".md")]


@pytest.mark.parametrize(
    "path",
    [
        "a\nb.md",
        "a\x1b[2J.md",
        ".hidden.md",
        "a/.b/c.md",
        " a.md",
        "a:b.md",
        "a\u202eb.md",
        "a#1.md",
    ],
)
def test_refuses_names_that_would_trick_somebody(path: str) -> None:
    catalogue = build_catalogue([(path, "x"), ("fine.md", "x")], timezone=BERLIN)
    assert list(catalogue.agents) == ["fine"]
    (problem,) = catalogue.problems
    assert problem.place.file == f"agents/{path}"
    assert problem.hint
