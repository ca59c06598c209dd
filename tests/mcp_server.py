"""An MCP server with resources and a tool; over stdio, its file of notes is the argument."""

import sys
from pathlib import Path

from mcp.server import MCPServer


def make_server(notes: Path) -> MCPServer:
    """A server whose notes of today are in that file."""
    server = MCPServer("notes")

    @server.resource(
        "notes://today", name="today", title="Notes of today", mime_type="text/markdown"
    )
    def today() -> str:
        return notes.read_text()

    @server.resource("notes://sums", name="sums", mime_type="text/csv")
    def sums() -> bytes:
        return b"name,sum\nTea,3\n"

    @server.resource("notes://broken", name="broken")
    def broken() -> str:
        raise ValueError("out of paper")

    @server.tool()
    def append(line: str) -> str:
        """Append a line to the notes."""
        with notes.open("a") as stream:
            stream.write(f"{line}\n")
        return "Appended."

    return server


if __name__ == "__main__":
    make_server(Path(sys.argv[1])).run()
