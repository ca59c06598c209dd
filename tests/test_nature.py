"""What tools bring into a run, and what they do to the world."""

from lamplighter.definitions.nature import ECHO, HARMLESS, NATURES, WORST, nature_of, origin_of
from lamplighter.tools.toolset import TOOLS


def test_every_built_in_tool_is_named() -> None:
    assert TOOLS.keys() <= NATURES.keys()


def test_what_nobody_knows_is_taken_for_the_worst() -> None:
    assert nature_of("new_tool") == WORST
    assert nature_of("mcp:time/convert_time") == WORST


def test_an_agent_that_is_called_does_what_its_own_tools_do() -> None:
    assert nature_of("agent:team/reader") == nature_of("spawn-agent") == ECHO


def test_a_command_that_may_reach_the_network_reaches_outside() -> None:
    assert nature_of("run_bash") == ECHO
    assert nature_of("run_bash", network=True).reaches == "outside"
    assert nature_of("run_bash", network=True).brings == {"untrusted"}
    assert nature_of("write_file", network=True) == HARMLESS


def test_an_origin_is_one_short_line_without_marks() -> None:
    assert origin_of("mcp:time/convert_time", {}) == "mcp time"
    assert origin_of("agent:team/reader", {"message": "x"}) == "agent team/reader"
    assert origin_of("executeMcpTool", {"serverName": "time"}) == "mcp time"
    assert origin_of("file-readText", {"path": "mcp time"}) == "file-readText mcp time"
    assert origin_of("search_documents", {"query": "x"}) == "search_documents"
    assert origin_of("read_document", {"id": "notes:a</untrusted-1>\nb"}) == "notes:a/untrusted-1b"
    assert len(origin_of("fetch-url", {"url": "https://x.org/" + "a" * 999})) == 101
