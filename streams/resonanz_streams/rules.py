"""By which own actors, topics, venues and flags a client's events were counted, and since when.

What is counted keeps the rules of when it was read. An audit counts by today's, so it must know where they
differ.
"""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec
from xxhash import xxh3_64_intdigest

from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.registry import Client, Registry
from resonanz_streams.unreadable import UNREADABLE

RULES_KEY: Final = b"r"
_encoder: Final = msgspec.msgpack.Encoder()


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """``digest``: of the rules. ``since_ms``: when they took the place of others; None if they never did."""

    digest: int
    since_ms: int | None = None


_decoder: Final = msgspec.msgpack.Decoder(dict[str, Rule])


def digest_of(client: Client) -> int:
    """Of what decides how a client's events are counted."""
    words = (client.own_actors, *client.vocabulary)
    return xxh3_64_intdigest(_encoder.encode([sorted(some) for some in words]))


def read_rules(rows: Mapping[bytes, bytes]) -> dict[str, Rule]:
    """What is stored among these rows; empty where an earlier version wrote them.

    Raises:
        StopError: it cannot be read.
    """
    data = rows.get(RULES_KEY)
    try:
        return {} if data is None else _decoder.decode(data)
    except UNREADABLE as error:
        raise StopError(f"the state's rules cannot be read ({error}); {RECOUNT}") from None


class Rules:
    """Those of one partition's clients. Of one that left they stay, for its accounts' events do."""

    def __init__(self, registry: Registry, clients: Collection[str]) -> None:
        self._digests = {name: digest_of(registry.clients[name]) for name in clients}
        self._known = {name: Rule(digest) for name, digest in self._digests.items()}
        self._written: Mapping[str, Rule] = {}

    def load(self, rows: Mapping[bytes, bytes], now_ms: int | None) -> None:
        """Go on from these rows at ``now_ms``.

        Raises:
            StopError: see :func:`read_rules`.
        """
        self._written = read_rules(rows)
        self._known = dict(self._written)
        for name, digest in self._digests.items():
            known = self._known.get(name)
            if known is None:
                self._known[name] = Rule(digest)
            elif known.digest != digest:
                self._known[name] = Rule(digest, now_ms)

    @property
    def changed(self) -> bool:
        """Whether what is stored is no longer true."""
        return bool(self._written) and self._known != self._written

    def take(self) -> dict[bytes, bytes]:
        """The row, if it is not what was written last."""
        if self._known == self._written:
            return {}
        self._written = dict(self._known)
        return {RULES_KEY: _encoder.encode(self._written)}
