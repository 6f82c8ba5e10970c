"""Lines that must not be counted, each with the reason that its dead letter must name."""

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

BEFORE_2000_MS: Final = 946_684_799_999
FAR_AHEAD_MS: Final = 32_503_680_000_000
Event = dict[str, Any]


def _changed(**changes: Any) -> Callable[[Event], bytes]:
    return lambda event: orjson.dumps(event | changes)


def _without(name: str) -> Callable[[Event], bytes]:
    return lambda event: orjson.dumps({key: value for key, value in event.items() if key != name})


def _deep(event: Event) -> bytes:
    return orjson.dumps(event)[:-1] + b',"more":' + b"[" * 70 + b"]" * 70 + b"}"


FAULTS: Final[tuple[tuple[str, Callable[[Event], bytes]], ...]] = (
    ("not_json", lambda event: orjson.dumps(event)[:-7]),
    ("wrong_type", _changed(at_ms="soon")),
    ("unknown_account", _changed(account="file:nobody")),
    ("wrong_topic", lambda event: _changed(kind="share" if event["kind"] != "share" else "like")(event)),
    ("unknown_version", _changed(v=2)),
    ("time_out_of_range", _changed(at_ms=BEFORE_2000_MS)),
    ("not_json", lambda event: orjson.dumps(event).replace(b'"file"', b'"\xff\xfe"')),
    ("wrong_type", _without("id")),
    ("wrong_type", _changed(count=0)),
    ("time_out_of_range", _changed(at_ms=FAR_AHEAD_MS)),
    ("not_json", lambda event: b"[" + orjson.dumps(event) + b"]"),
    ("too_deep", _deep),
)


def broken_lines(
    rng: random.Random, events: Sequence[Event], number: int
) -> list[tuple[str, str, bytes, str]]:
    """(account of the key, kind of the topic, line, reason): every fault in turn, no two lines alike."""
    faults = itertools.islice(itertools.cycle(FAULTS), number)
    lines = []
    for place, (reason, damage) in enumerate(faults):
        event = rng.choice(events) | {"id": f"broken{place}", "actor": f"broken{place}"}
        lines.append((str(event["account"]), str(event["kind"]), damage(event), reason))
    return lines
