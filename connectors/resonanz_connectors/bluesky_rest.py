"""Two calls of Bluesky's public HTTP API: followers of accounts, and the DID of a handle. No login."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Self

import aiohttp
import msgspec

from resonanz_connectors.batch import SourceError

ACTORS_A_CALL: Final = 25
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)


class _Profile(msgspec.Struct):
    did: str
    followers: int = msgspec.field(name="followersCount", default=-1)


class _Profiles(msgspec.Struct):
    profiles: list[_Profile]


class _Resolved(msgspec.Struct):
    did: str


class Rest:
    """A client for ``base``, such as ``https://public.api.bsky.app``. Use it as a context manager."""

    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")
        self._session: aiohttp.ClientSession | None = None
        self.remaining: int | None = None
        """Calls left in the present interval, as the last answer said."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def followers(self, dids: Sequence[str]) -> Mapping[str, int]:
        """Followers of those of ``dids`` that have a profile; 25 a call.

        Raises:
            SourceError: the API is away, or asks for patience.
        """
        found: dict[str, int] = {}
        for start in range(0, len(dids), ACTORS_A_CALL):
            query = [("actors", did) for did in dids[start : start + ACTORS_A_CALL]]
            body = await self._get("app.bsky.actor.getProfiles", query)
            profiles = _decoded(body, _Profiles).profiles if body is not None else []
            found.update({profile.did: profile.followers for profile in profiles if profile.followers >= 0})
        return found

    async def did_of(self, handle: str) -> str | None:
        """The DID behind ``handle``; None if there is no such handle.

        Raises:
            SourceError: the API is away, or asks for patience.
        """
        body = await self._get("com.atproto.identity.resolveHandle", [("handle", handle)])
        return None if body is None else _decoded(body, _Resolved).did

    async def _get(self, method: str, query: list[tuple[str, str]]) -> bytes | None:
        """The body; None where the API says that what was asked for does not exist."""
        if self._session is None:
            raise RuntimeError("used outside of its context")
        try:
            async with self._session.get(f"{self._base}/xrpc/{method}", params=query) as answer:
                self._note(answer.headers)
                if answer.status == HTTPStatus.OK:
                    return await answer.read()
                if answer.status == HTTPStatus.BAD_REQUEST:
                    return None
                limited = answer.status == HTTPStatus.TOO_MANY_REQUESTS
                raise SourceError(
                    f"{method} answered {answer.status}",
                    reason="rate_limited" if limited else "refused",
                    retry_after_seconds=_seconds(answer.headers.get("Retry-After")),
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SourceError(f"{method}: {type(error).__name__}") from None

    def _note(self, headers: Mapping[str, str]) -> None:
        left = headers.get("RateLimit-Remaining", "")
        if left.isdecimal():
            self.remaining = int(left)


def _decoded(body: bytes, shape: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError as error:
        raise SourceError(f"an answer has an unknown shape: {error}", reason="not_understood") from None


def _seconds(text: str | None) -> float | None:
    """``Retry-After`` in seconds; as a date it is left to the back-off."""
    return float(text) if text is not None and text.isdecimal() else None
