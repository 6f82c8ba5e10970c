"""Who may scrape a worker: on loopback everybody, beyond it whoever has the agency's token."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.loopback import is_loopback
from resonanz_streams.settings import Settings

OPEN: Final = frozenset({"/healthz", "/readyz"})
"""Probes carry no token, and learn nothing of any client."""


def access_rule(settings: Callable[[], Settings], host: str) -> Middleware | None:
    """A middleware for a worker that listens on ``host``; None on loopback. ``settings``: those of now.

    Raises:
        ConfigurationError: beyond loopback without an agency token.
    """
    if is_loopback(host):
        return None
    if not _token(settings()):
        raise ConfigurationError(
            f"wall: /metrics on {host} would show every client's figures to the whole network; write\n"
            "  wall:\n    agency_token: ${RESONANZ_AGENCY_TOKEN}\n"
            "into resonanz.yaml, set that variable (openssl rand -hex 32 makes one) and give it to "
            "Prometheus as credentials, or listen on 127.0.0.1"
        )
    return _requires(lambda: _digest(f"Bearer {_token(settings())}"))


def _token(settings: Settings) -> str:
    return settings.wall.agency_token.get_secret_value().strip() if settings.wall.agency_token else ""


def _requires(digest: Callable[[], bytes]) -> Middleware:
    @web.middleware
    async def rule(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = _digest(request.headers.get("Authorization", ""))
        if request.path not in OPEN and not hmac.compare_digest(digest(), given):
            return web.Response(
                status=401,
                headers={"WWW-Authenticate": "Bearer"},
                text="Send the header 'Authorization: Bearer <agency token>'.\n",
            )
        return await handler(request)

    return rule


def _digest(header: str) -> bytes:
    # Of equal length, whatever was sent: the comparison's time tells nothing.
    return hashlib.sha256(header.encode("utf-8", "surrogateescape")).digest()
