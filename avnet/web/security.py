"""Who may ask: names and origins, tokens and sessions, what a body may be, and the headers of every answer.

A page of another site can make a browser send requests here, so those that change something must come from our own
origin and be of a type that no form sends; and by a name that leads here, so a browser is not fooled by a name server
that changed its mind (DNS rebinding). Sessions keep visitors apart: a cookie that only we can have made.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import json
import secrets
import time
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders  # pyright: ignore[reportMissingImports]
from starlette.types import ASGIApp, Message, Receive, Scope, Send  # pyright: ignore[reportMissingImports]

from avnet.web.config import WebOptions

# Of those who have no cookie, programs: what they made is known by names that nobody guesses.
NOBODY, BEARER = "nobody", "bearer"
BODY_TYPES = ("application/json", "application/octet-stream")
# Greatest JSON that is read, bytes.
MOST_JSON = 1 << 20
UPLOAD = "/api/media"
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:;"
    " connect-src 'self'; font-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
    "x-frame-options": "DENY",
}


class Refusal(Exception):
    """A request that does not get through: a status and a reason."""

    def __init__(self, status: int, subject: str, reason: str):
        super().__init__(reason)
        self.status, self.subject, self.reason = status, subject, reason


class Gate:
    """Wraps an application: what passes has a session, `scope["state"]["session"]`, and a body of bounded size.

    Attributes:
        token: that visitors must know; None where there is none.
    """

    def __init__(self, app: ASGIApp, options: WebOptions, names: frozenset[str], port: int):
        self._app, self._options, self._names, self._port = app, options, names, port
        # Whoever may have folders of this machine indexed could look at what its owner alone may read.
        open_to_all = options.local and not options.allow_indexing
        self.token = options.token if options.token or open_to_all else secrets.token_urlsafe(24)
        # A cookie stays good when the server is started again with the same token.
        self._key = hashlib.sha256(f"avnet session {self.token or secrets.token_hex()}".encode()).digest()
        self._cookie = f"avnet-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or has the application answer."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no other protocol is spoken here; the server closes the connection

        cookie = ""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                if cookie:
                    headers.append("set-cookie", cookie)
            await send(message)

        try:
            headers = Headers(scope=scope)
            self._check_name(headers)
            self._check_origin(scope, headers)
            self._check_type(scope, headers)
            session = self._session(scope, headers)
            scope.setdefault("state", {})["session"] = session or NOBODY
            if scope["path"] == "/" and not session and headers.get("sec-fetch-site") in (None, "none", "same-origin"):
                cookie = self._new_cookie()
                if self.token:  # the token shall not stay in the address bar
                    await _answer(send_with_headers, 303, b"", {"location": "/"})
                    return
            if scope["method"] not in ("GET", "HEAD") and scope["path"] != UPLOAD:
                receive = await self._bounded(receive)
        except Refusal as refusal:
            await refuse(send_with_headers, refusal.status, refusal.subject, refusal.reason)
            return
        await self._app(scope, receive, send_with_headers)

    def _check_name(self, headers: Headers) -> None:
        host = headers.get("host", "").lower()
        if not self._is_own(host) or len(headers.getlist("host")) != 1:
            raise Refusal(403, "Host", "is not a name of this server; --public-name adds one")

    def _is_own(self, host: str) -> bool:
        if host in self._names:
            return True
        name, _, port = host.rpartition(":")
        if self._options.local or port != str(self._port):
            return False
        try:
            ipaddress.ip_address(name.strip("[]"))  # an address cannot be made to lead elsewhere
            return True
        except ValueError:
            return False

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin is not None:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or parts.netloc.lower() != headers["host"].lower():
                raise Refusal(403, "Origin", "is another site; only the page of this server may ask")
        if scope["path"].startswith("/api/") and headers.get("sec-fetch-site") not in (None, "none", "same-origin"):
            raise Refusal(403, "Sec-Fetch-Site", "is another site; only the page of this server may ask")

    @staticmethod
    def _check_type(scope: Scope, headers: Headers) -> None:
        if scope["method"] in ("GET", "HEAD", "DELETE"):
            return
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in BODY_TYPES:
            raise Refusal(415, "Content-Type", f"must be {' or '.join(BODY_TYPES)}")

    def _session(self, scope: Scope, headers: Headers) -> str | None:
        """Whose request it is; None for somebody new, or a program without a cookie where no token is needed."""
        if (session := self._session_of_cookie(headers)) is not None:
            return session
        if self.token is None:
            return None
        scheme, _, secret = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(secret.strip()):
            return BEARER
        offered = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and scope["method"] == "GET" and self._is_token(offered):
            return None
        raise Refusal(401, "token", "is missing or wrong; open the link that the server printed when it started")

    def _is_token(self, offered: str) -> bool:
        assert self.token is not None
        return hmac.compare_digest(offered.encode(), self.token.encode())

    def _session_of_cookie(self, headers: Headers) -> str | None:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return None
        name, _, seal = (morsel.value if morsel else "").partition(".")
        return name if name and hmac.compare_digest(seal.encode(), self._seal(name).encode()) else None

    def _new_cookie(self) -> str:
        name = secrets.token_urlsafe(18)
        return f"{self._cookie}={name}.{self._seal(name)}; Path=/; HttpOnly; SameSite=Strict"

    def _seal(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()

    async def _bounded(self, receive: Receive) -> Receive:
        """Reads a short body before the application sees anything of it."""
        parts, size, more = [], 0, True
        ends = time.monotonic() + self._options.patience_s
        while more:
            try:
                message = await asyncio.wait_for(receive(), ends - time.monotonic())
            except TimeoutError:
                raise Refusal(408, "body", f"did not come within {self._options.patience_s:g} s") from None
            if message["type"] == "http.disconnect":
                break
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
            if size > MOST_JSON:
                raise Refusal(413, "body", f"is larger than {MOST_JSON} bytes")
        body: list[Message] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

        async def replay() -> Message:
            return body.pop() if body else await receive()

        return replay


async def refuse(send: Send, status: int, subject: str, reason: str) -> None:
    """Answers with a refusal in words, and closes the connection, whatever was still to come on it."""
    body = json.dumps({"error": {"reason": reason, "subject": subject}}).encode()
    await _answer(send, status, body, {"content-type": "application/json", "connection": "close"})


async def _answer(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
