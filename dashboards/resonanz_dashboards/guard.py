"""What every request passes: the Host check of a wall on loopback, and the headers of every answer."""

from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resonanz_dashboards.access import host_of
from resonanz_dashboards.problems import problem
from resonanz_streams.loopback import is_loopback

# Nothing from elsewhere, nothing inline, nothing framed; forms are read by the page's own script.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Sequence[tuple[bytes, bytes]]] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Guard:
    """ASGI middleware. It hands messages straight on, so that streams stay streams.

    ``loopback_only``: refuse requests that name another host. A page elsewhere whose name resolves to
    127.0.0.1 (DNS rebinding) would otherwise read the wall with the viewer's browser.
    """

    def __init__(self, app: ASGIApp, *, loopback_only: bool) -> None:
        self._app = app
        self._loopback_only = loopback_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then hand on with our headers added to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                extra = [*HEADERS, (b"cache-control", b"no-store")]
                message["headers"] = [*message["headers"], *(it for it in extra if it[0] not in given)]
            await send(message)

        host = _host(scope)
        if self._loopback_only and not is_loopback(host):
            answer = problem(
                421,
                "wrong-host",
                f"This wall answers on this machine only, not as {host or 'a request without a host'}; "
                "open http://127.0.0.1 with its port, or start it with --host and a token.",
            )
            await answer(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def _host(scope: Scope) -> str:
    named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return host_of(named[0]) if len(named) == 1 else ""
