"""Two calls of Bluesky's public HTTP API: followers of accounts, and the DID of a handle. No login."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec

from resonanz_connectors.batch import SourceError
from resonanz_connectors.jetstream import is_did

ACTORS_A_CALL: Final = 25
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_MAX_BODY: Final = 2**20


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
        self._host = urlsplit(base).hostname or "the API"
        self._session: aiohttp.ClientSession | None = None
        self.remaining: int | None = None
        """Calls left in the present interval, as the last answer said."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True)
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
        did = None if body is None else str(_decoded(body, _Resolved).did)
        if did is not None and not is_did(did):
            raise SourceError(f"{self._host} names something that is no DID", reason="not_understood")
        return did

    async def _get(self, method: str, query: list[tuple[str, str]]) -> bytes | None:
        """The body; None where the API says that what was asked for does not exist."""
        if self._session is None:
            raise RuntimeError("used outside of its context")
        try:
            async with self._session.get(f"{self._base}/xrpc/{method}", params=query) as answer:
                self._note(answer.headers)
                if answer.status == HTTPStatus.OK:
                    return await _body(answer)
                if answer.status == HTTPStatus.BAD_REQUEST:
                    return None
                raise SourceError.refused(f"{self._host} ({method})", answer.status, answer.headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SourceError(
                f"{self._host} cannot be reached ({type(error).__name__}); check this machine's network"
            ) from None

    def _note(self, headers: Mapping[str, str]) -> None:
        left = headers.get("RateLimit-Remaining", "")
        if left.isdecimal():
            self.remaining = int(left)


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > _MAX_BODY:
            raise SourceError("an answer is larger than any should be", reason="not_understood")
    return bytes(body)


def _decoded(body: bytes, shape: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"an answer has an unknown shape: {error}", reason="not_understood") from None
