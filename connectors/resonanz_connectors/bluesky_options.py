"""What may stand under ``connectors: bluesky:``."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from resonanz_connectors.base import Options

ENDPOINTS: Final = tuple(
    f"wss://jetstream{number}.us-{side}.bsky.network/subscribe"
    for side in ("east", "west")
    for number in (1, 2)
)


def _socket_address(text: str) -> str:
    if not text.startswith(("ws://", "wss://")):
        raise ValueError(f"write an address that begins with wss://, such as {ENDPOINTS[0]}")
    return text


def _web_address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("write an address that begins with https://, such as https://public.api.bsky.app")
    return text


class BlueskyOptions(Options):
    """``handles`` must be among the accounts; ``followers_minutes`` 0 asks for no followers.

    ``items`` is the file, beside the configuration, that remembers what can be deleted: the newest
    ``items_kept``, with about 0.9 KB each. A deletion of something older than those is not noticed.
    """

    endpoints: tuple[Annotated[str, AfterValidator(_socket_address)], ...] = Field(ENDPOINTS, min_length=1)
    api: Annotated[str, AfterValidator(_web_address)] = "https://public.api.bsky.app"
    handles: tuple[str, ...] = ()
    followers_minutes: Annotated[float, Field(ge=0)] = 15
    silence_seconds: Annotated[float, Field(gt=0)] = 30
    items: str = "bluesky-items.db"
    items_kept: Annotated[int, Field(ge=1)] = 500_000
