"""Who may see what: bearer tokens beyond loopback, and the Host header on it.

An agency token sees every client, a client token its own client only; what a viewer may not see does
not exist for it. Tokens are kept as digests and compared in constant time.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.loopback import is_loopback
from resonanz_streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Scope:
    """What a viewer sees: one client, or (None) all of them."""

    client: str | None = None

    def sees(self, client: str) -> bool:
        """Whether accounts of ``client`` exist for this viewer."""
        return self.client is None or self.client == client


EVERYTHING: Final = Scope()


class UnauthorizedError(Exception):
    """The request needs a token, or its token is none of ours. The message is for the viewer."""


def host_of(header: str) -> str:
    """The host of a Host header: without port, IPv6 without brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.rpartition(":")[0] if header.count(":") == 1 else header


class Access:
    """Decides, per request, what its viewer sees.

    ``required`` is False on loopback: there a request without a token sees everything, and one with a
    token is held to it.
    """

    def __init__(self, scopes: Mapping[str, Scope], *, required: bool) -> None:
        self.required = required
        self.adopt(scopes)

    def adopt(self, scopes: Mapping[str, Scope]) -> None:
        """From now on these tokens."""
        self._scopes = [(_digest(token), scope) for token, scope in scopes.items()]

    def scope(self, authorization: str | None) -> Scope:
        """The scope of a request with this Authorization header.

        Raises:
            UnauthorizedError: no token where one is needed, or an unknown one.
        """
        if authorization is None:
            if self.required:
                raise UnauthorizedError("Send the header 'Authorization: Bearer <token>'.")
            return EVERYTHING
        scheme, _, token = authorization.partition(" ")
        found = self._match(token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            raise UnauthorizedError("This token is not known here; ask whoever runs this wall for one.")
        return found

    def _match(self, token: str) -> Scope | None:
        given = _digest(token)
        found: Scope | None = None
        for digest, scope in self._scopes:  # every one of them, so that the time tells nothing
            if hmac.compare_digest(digest, given):
                found = scope
        return found


def build_access(settings: Settings, host: str) -> Access:
    """The access rules for a wall that listens on ``host``.

    Raises:
        ConfigurationError: beyond loopback without any token, an empty token, or one token for two.
    """
    return Access(scopes_of(settings, host), required=not is_loopback(host))


def scopes_of(settings: Settings, host: str) -> Mapping[str, Scope]:
    """What each token opens.

    Raises:
        ConfigurationError: see :func:`build_access`.
    """
    scopes = _by_token(_tokens(settings))
    if not is_loopback(host) and not scopes:
        raise ConfigurationError(
            f"wall: listening on {host} would show every client's figures to the whole network; write\n"
            "  wall:\n    agency_token: ${RESONANZ_AGENCY_TOKEN}\n"
            "into resonanz.yaml and set that variable (openssl rand -hex 32 makes one), "
            "or listen on 127.0.0.1"
        )
    return scopes


def _tokens(settings: Settings) -> Iterable[tuple[str, str, Scope]]:
    if settings.wall.agency_token is not None:
        yield "wall.agency_token", settings.wall.agency_token.get_secret_value(), EVERYTHING
    for client, its in settings.clients.items():
        if its.token is not None:
            yield f"clients.{client}.token", its.token.get_secret_value(), Scope(client)


def _by_token(tokens: Iterable[tuple[str, str, Scope]]) -> dict[str, Scope]:
    scopes: dict[str, Scope] = {}
    for field, token, scope in tokens:
        if not token.strip():
            raise ConfigurationError(f"{field}: the token is empty; set its variable, or leave the line out")
        if token.strip() in scopes:
            raise ConfigurationError(f"{field}: another viewer has the same token; give each its own")
        scopes[token.strip()] = scope
    return scopes


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
