"""Dead letters as everybody writes them, the engine and the connectors: their reasons and their record."""

from typing import Final, Literal

from resonanz_streams.topics import DEAD_LETTERS
from resonanz_streams.transports.ports import Outgoing

MAX_DEAD_LETTER: Final = 900_000
"""A broker takes 1 MB with key and headers; of something longer the beginning is kept."""

Reason = Literal[
    "not_json",
    "too_large",
    "too_deep",
    "wrong_type",
    "unknown_version",
    "wrong_topic",
    "unknown_account",
    "time_out_of_range",
    "quarantined",
]
"""Why something is a dead letter."""


def letter(data: bytes, reason: Reason, error: str, *, origin: str, partition: int, offset: int) -> Outgoing:
    """The raw bytes, and in the headers what a person needs to find and mend them."""
    headers = [
        ("reason", reason.encode()),
        ("topic", origin.encode()),
        ("partition", str(partition).encode()),
        ("offset", str(offset).encode()),
        ("error", error.encode()),
    ]
    if len(data) > MAX_DEAD_LETTER:
        headers.append(("truncated_from", str(len(data)).encode()))
    return Outgoing(DEAD_LETTERS, None, data[:MAX_DEAD_LETTER], headers)
