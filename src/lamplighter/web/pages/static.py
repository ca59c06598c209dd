"""Styles, scripts and icons, for everybody and for ever: a change changes their address."""

import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Response

from lamplighter.errors import NotFound

FOLDER = Path(__file__).parent.parent / "static"
PREFIX = "/static/"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@router.get(PREFIX + "{version}/{name:path}")
async def serve_file(version: str, name: str) -> Response:
    """A file; whatever the version in its address, it is that of this program."""
    content = _files().get(name)
    if content is None:
        raise NotFound(f"no file {name!r}")
    caching = FOR_EVER if version == static_version() else "no-store"
    media_type = TYPES[Path(name).suffix]
    return Response(content, media_type=media_type, headers={"Cache-Control": caching})


def static_url(name: str) -> str:
    """Where a file is; scripts find each other beside themselves."""
    return f"{PREFIX}{static_version()}/{name}"


@cache
def static_version() -> str:
    """What all files together are known by."""
    digest = hashlib.sha256()
    for name, content in _files().items():
        digest.update(name.encode() + content)
    return digest.hexdigest()[:12]


@cache
def _files() -> dict[str, bytes]:
    paths = sorted(path for path in FOLDER.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in paths}
