"""What every request passes before it reaches a route: who asks, from which page, and how much it sends.

A server on this machine is within reach of every page that the browser shows. A page elsewhere may send forms here
(`Origin` tells), or let its own name lead here (DNS rebinding: `Host` tells, since an address cannot be rebound).
"""

import ipaddress
import re
from collections.abc import Iterable

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK_NAMES = ("localhost",)
_READING = ("GET", "HEAD", "OPTIONS")
_DRAINED = 4  # a body that many times too large is still read to its end, so that its sender hears the answer
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGIApp
    host : str
        What the server listens on. A loopback one is reached as ``localhost`` and by loopback addresses, any other
        one by every address and by its name.
    names : iterable of str
        Further names that the machine has.
    most_bytes : int
        Of a request's body.
    """

    def __init__(self, app: ASGIApp, host: str, names: Iterable[str], most_bytes: int) -> None:
        self.app = app
        self.loopback = is_loopback(host)
        more = () if self.loopback else names
        self.names = {name.lower().rstrip(".") for name in (host, *_LOOPBACK_NAMES, *more)}
        self.most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        status, words = self._refusal(scope["method"], headers)
        body = _LimitedBody(receive, self.most_bytes)
        if status == 413:
            await body.drain()
        if status:
            await JSONResponse({"detail": words}, status)(scope, receive, send_guarded)
            return
        await self.app(scope, body.receive, send_guarded)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str]:
        """Status and words of what is wrong with a request; 0 where nothing is."""
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self.is_own(host):
            return 403, f"this server does not answer to the name {host[:80]!r}"
        if method not in _READING and not _is_from_here(headers, host):
            return 403, "requests from pages of other sites are refused"
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdecimal():
            return 400, "the content's length is no number"
        if int(length[:20]) > self.most_bytes:
            return 413, too_large(self.most_bytes)
        return 0, ""

    def is_own(self, host: str) -> bool:
        """Whether a `Host` header names this server."""
        found = re.fullmatch(r"(\[[0-9a-fA-F:.%]+\]|[^:\[\]/@]+)(?::\d+)?", host)
        if found is None:
            return False
        name = found[1].lower().rstrip(".")
        address = _address(name)
        if address is None:
            return name in self.names
        return address.is_loopback or not self.loopback


class _LimitedBody:
    """The parts of a body, counted: one without a length may have no end."""

    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self._receive = receive
        self._most = most_bytes
        self._seen = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            if self._seen > self._most:
                raise HTTPException(413, too_large(self._most))
        return message

    async def drain(self) -> None:
        while self._seen <= _DRAINED * self._most:
            message = await self._receive()
            self._seen += len(message.get("body", b""))
            if not message.get("more_body"):
                return


def too_large(most_bytes: int) -> str:
    """Say in one sentence how much a request may have."""
    return f"the request is too large: at most {most_bytes / 1e6:.0f} MB"


def is_loopback(host: str) -> bool:
    """Whether what listens on a host is reached from this machine alone."""
    address = _address(host)
    return host.lower() in _LOOPBACK_NAMES if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _is_from_here(headers: Headers, host: str) -> bool:
    """Whether a request comes from a page of this server, or from a program, which has no page."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.lower() in (f"http://{host}".lower(), f"https://{host}".lower())
