"""Files as answers: never shown by a browser, only saved."""

from urllib.parse import quote

from fastapi.responses import Response

ANY = "application/octet-stream"


def as_attachment(name: str) -> dict[str, str]:
    """The header by which an answer is saved under a name."""
    return {"Content-Disposition": f"attachment; filename*=utf-8''{quote(name, safe='')}"}


def download(name: str, content: bytes) -> Response:
    """A content that somebody unknown may have made."""
    return Response(content, media_type=ANY, headers=as_attachment(name))
