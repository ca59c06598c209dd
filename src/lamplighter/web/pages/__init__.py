"""The page: HTML, made on the server. One module per noun; docs/page.md says how one is made."""

from lamplighter.web.pages import (
    agent,
    agents,
    chats,
    comparison,
    draft,
    notices,
    outbox,
    people,
    run,
    runs,
    search,
    settings,
    signing,
    sources,
    static,
    users,
    versions,
)

PAGES = (
    static.router,
    signing.router,
    agents.front,
    agents.router,
    chats.router,
    outbox.router,
    search.router,
    sources.router,
    people.router,
    notices.router,
    settings.router,
    users.router,
    draft.router,
    agent.router,
    versions.router,
    runs.router,
    comparison.router,
    run.router,
)
"""Behind the same gate as the API, with the same rights."""
