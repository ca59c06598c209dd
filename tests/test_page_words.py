from typing import Any

import pytest

from lamplighter.web.pages.words import brief, cost, plain, pretty, rate


@pytest.mark.parametrize(
    ("microusd", "said"),
    [
        (None, "\u2013"),
        (0, "$0.00"),
        (7, "$0.000007"),
        (35_124, "$0.035"),
        (136_139, "$0.14"),
        (1_234_567, "$1.23"),
        (12_345_678_901, "$12,345.68"),
    ],
)
def test_money_has_the_digits_that_count(microusd: int | None, said: str) -> None:
    assert cost(microusd) == said


@pytest.mark.parametrize(
    ("per_day", "said"),
    [
        (4.0, "4 runs a day"),
        (1.0, "1 run a day"),
        (5 / 7, "5 runs a week"),
        (1 / 7, "1 run a week"),
    ],
)
def test_how_often(per_day: float, said: str) -> None:
    assert rate(per_day) == said


def test_a_line_of_what_a_model_wrote_has_no_marks() -> None:
    assert plain("# The week\n- **Tuesday**, see `a_b.md`") == "The week\n- Tuesday, see a_b.md"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ('{"query": "launch"}', "launch"),
        ({"path": "a.md", "content": "A"}, "path: a.md, content: A"),
        ("{no JSON", "{no JSON"),
    ],
)
def test_arguments_are_read_whether_they_come_as_text_or_not(arguments: Any, line: str) -> None:
    assert brief(arguments) == line


def test_arguments_as_text_are_shown_as_data() -> None:
    assert pretty('{"a": 1}') == '{\n  "a": 1\n}'
