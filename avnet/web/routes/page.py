"""The page and what belongs to it, from memory: no address can lead to another file."""

import hashlib
import mimetypes
from pathlib import Path

from fastapi import APIRouter, Request  # pyright: ignore[reportMissingImports]
from fastapi.responses import Response  # pyright: ignore[reportMissingImports]

STATIC = Path(__file__).parents[1] / "static"
# Under a name that changes with the content, it may be kept for ever; under the plain one it is asked for each time.
FOR_EVER, ASK = "public, max-age=31536000, immutable", "no-cache"
TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".html": "text/html", ".css": "text/css"}


def router() -> APIRouter:
    """Routes of all files of the page, which are read now."""
    paths = [path for path in STATIC.rglob("*") if path.is_file() and not path.is_symlink()]
    files = {path.relative_to(STATIC).as_posix(): path.read_bytes() for path in paths}
    digest = hashlib.sha256(b"".join(name.encode() + data for name, data in sorted(files.items()))).hexdigest()[:16]
    routes = APIRouter()

    @routes.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        # The modules of the page name each other from where they are, so all are found under the changing name.
        text = files["index.html"].replace(b'"/static/', f'"/static/{digest}/'.encode())
        return _answer(request, "index.html", text, ASK)

    @routes.get("/static/{name:path}", include_in_schema=False)
    async def static(request: Request, name: str) -> Response:
        plain = name.removeprefix(f"{digest}/")
        if plain not in files or plain == "index.html":
            return Response(status_code=404)
        return _answer(request, plain, files[plain], FOR_EVER if plain != name else ASK)

    return routes


def _answer(request: Request, name: str, data: bytes, keep: str) -> Response:
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": keep}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    kind = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(data, media_type=kind, headers=headers)
