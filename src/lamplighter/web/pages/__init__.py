"""The page: HTML, made on the server. One module per noun; docs/page.md says how one is made."""

from lamplighter.web.pages import agents, signing, static

PAGES = (static.router, signing.router, agents.front, agents.router)
"""Behind the same gate as the API, with the same rights."""
