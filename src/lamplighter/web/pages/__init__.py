"""The page: HTML, made on the server. One module per noun; docs/page.md says how one is made."""

from lamplighter.web.pages import (
    agents,
    notices,
    people,
    search,
    settings,
    signing,
    sources,
    static,
    users,
)

PAGES = (
    static.router,
    signing.router,
    agents.front,
    agents.router,
    search.router,
    sources.router,
    people.router,
    notices.router,
    settings.router,
    users.router,
)
"""Behind the same gate as the API, with the same rights."""
