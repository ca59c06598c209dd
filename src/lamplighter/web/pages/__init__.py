"""The page: HTML, made on the server. One module per noun; docs/page.md says how one is made."""

from lamplighter.web.pages import (
    agent,
    agents,
    comparison,
    draft,
    run,
    runs,
    signing,
    static,
    versions,
)

PAGES = (
    static.router,
    signing.router,
    agents.front,
    agents.router,
    draft.router,
    agent.router,
    versions.router,
    runs.router,
    comparison.router,
    run.router,
)
"""Behind the same gate as the API, with the same rights."""
