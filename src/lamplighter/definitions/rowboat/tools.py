"""The built-in tools of Rowboat, by the names of both generations."""

_FILE_TOOLS = (
    "getRoot exists stat mkdir rename copy remove glob grep",
    "readdir readFile writeFile edit",
    "list readText writeText editText",
)
FEBRUARY = tuple(f"workspace-{name}" for name in " ".join(_FILE_TOOLS[:2]).split())
AUGUST = tuple(f"file-{name}" for name in f"{_FILE_TOOLS[0]} {_FILE_TOOLS[2]}".split())
OTHERS = (
    "ask-human", "loadSkill", "listMcpServers", "listMcpTools", "executeMcpTool", "fetch-url",
    "notify-user", "save-to-memory", "spawn-agent", "executeCommand", "web-search",
)  # fmt: skip
TOOLS = (*FEBRUARY, *AUGUST, *OTHERS)
"""Those that there are; two of them only where the configuration gives them something to do."""

IN_TEAMS = ("ask-human", "notify-user", "spawn-agent", "fetch-url", "web-search")
"""Those that there are in a team, too: none reaches the server's own folder or programs."""

UNAVAILABLE = {
    "parseFile": "give the folder to a source and read_document instead",
    "LLMParse": "give the folder to a source and read_document instead",
    "addMcpServer": "servers are added in config/mcp.json, by hand",
    "app-navigation": "it belongs to the desktop application",
    "analyzeAgent": "see: lamplighter agent validate",
}
"""Those that may be absent, and why."""
