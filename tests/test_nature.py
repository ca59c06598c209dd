"""What tools bring into a run, and what they do to the world."""

from lamplighter.definitions.nature import HARMLESS, NATURES, WORST, nature_of
from lamplighter.tools.toolset import TOOLS


def test_every_built_in_tool_is_named() -> None:
    assert TOOLS.keys() <= NATURES.keys()


def test_what_nobody_knows_is_taken_for_the_worst() -> None:
    assert nature_of("new_tool") == WORST
    assert nature_of("mcp:time/convert_time") == WORST
    assert nature_of("agent:team/reader") == WORST


def test_a_command_that_may_reach_the_network_reaches_outside() -> None:
    assert nature_of("run_bash") == HARMLESS
    assert nature_of("run_bash", network=True) == WORST
    assert nature_of("read_file", network=True) == HARMLESS
