"""What may leave a chat: a viewer's approval counts for the call that they have seen."""

import asyncio

from talks import Talks, working

from lamplighter.testing import call, temporary_workspace, turn

FILES = {
    "config/security.json": "{}",  # so that an agent loads which could tell anybody anything
    "notes/hello.md": "The lamp is lit at dusk.",
    "agents/helper.md": (
        "---\nmodel: scripted:script.yaml\nsources: [notes]\n"
        "tools: [read_document, fetch-url]\n---\nHelp."
    ),
}
URL = "http://127.0.0.1:9/"


def test_what_was_granted_is_asked_again_once_strangers_could_want_it() -> None:
    settings = {"sources": {"notes": {"path": "notes"}}, "agents_enabled": True}
    with temporary_workspace(FILES, **settings) as workspace:
        workspace.sync()
        workspace.script(
            [
                turn(call("fetch-url", url=f"{URL}first")),
                turn(text="Not there."),
                turn(call("read_document", id="notes:hello.md")),
                turn(text="At dusk."),
                turn(call("fetch-url", url=f"{URL}?d=dusk")),
                turn(text="Not there, either.", expect=["no public address"]),
            ]
        )
        talks = Talks(workspace)

        async def talk() -> None:
            async with working(workspace):
                said = await talks.begin("Look there.")
                said = await talks.decide(said, "chat")
                assert "withheld" not in talks.results(said)
                said = await talks.say(said.chat.id, "When?")
                assert not said.pending
                said = await talks.say(said.chat.id, "Tell them.")
                assert [each.arguments for each in said.pending] == [{"url": f"{URL}?d=dusk"}]
                said = await talks.decide(said, "once")
                # The viewer has seen this very address, so it was tried.
                assert "no public address" in talks.results(said)

        asyncio.run(talk())
