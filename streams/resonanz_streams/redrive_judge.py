"""Whether a dead letter can be counted by now, as a worker with today's configuration would see it."""

from dataclasses import dataclass
from functools import partial

import msgspec

from resonanz_streams.dead_letters import Lines, Rejected
from resonanz_streams.decode import Decoder
from resonanz_streams.quarantine import decoded
from resonanz_streams.registry import Registry
from resonanz_streams.topics import COUNTED_TOPICS, LEDGER_TOPICS
from resonanz_streams.transports.ports import Run
from resonanz_streams.unreadable import UNREADABLE


@dataclass(frozen=True, slots=True)
class Letter:
    """``place``: partition and offset in topic ``dead-letters``, None if unknown. ``topic``, ``reason`` and
    ``error``: as its headers say."""

    place: tuple[int, int] | None
    topic: str
    reason: str
    error: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """``account``: None while it is bad, for ``reason``."""

    account: str | None
    at_ms: int = 0
    reason: str = ""
    error: str = ""


class _Whose(msgspec.Struct):
    account: str = ""


class Judge:
    """Decodes letters one by one, each as its account's owner would."""

    def __init__(self, registry: Registry, now_ms: int) -> None:
        self._registry = registry
        self._now_ms = now_ms
        self._decoders: dict[int, Decoder] = {}
        self._whose = msgspec.json.Decoder(_Whose)

    def verdict(self, letter: Letter) -> Verdict:
        """What is to be done with it."""
        if letter.topic not in COUNTED_TOPICS:
            return Verdict(None, reason="no_event", error="it does not come from a topic that is counted")
        if b"\n" in letter.data:
            return Verdict(None, reason="not_json", error="it is not one line")
        partition = self._partition(letter.data)
        decoder = self._decoders.get(partition)
        if decoder is None:
            decoder = self._decoders[partition] = Decoder(self._registry, partition)
        run = Run(letter.topic, partition, 0, 1, [letter.data], [0])
        found, rejected = _decoded(decoder, run, self._now_ms)
        if rejected:
            return Verdict(None, reason=rejected[0].reason, error=rejected[0].error)
        if found is None:
            return Verdict(None, reason="not_json", error="it is empty")
        row, at_ms = found
        return Verdict(self._registry.accounts_of(partition)[row].id, at_ms)

    def _partition(self, data: bytes) -> int:
        try:
            account = self._registry.accounts.get(self._whose.decode(data).account)
        except UNREADABLE:
            account = None
        return 0 if account is None else account.partition


def _decoded(decoder: Decoder, run: Run, now_ms: int) -> tuple[tuple[int, int] | None, list[Rejected]]:
    """Account row and time of the one event, if there is one."""
    lines = Lines(run)
    if run.topic in LEDGER_TOPICS:
        parts, rejected = decoded(partial(decoder.operations, now_ms=now_ms), run, lines)
        events = [(int(c.rows[0]), int(c.at_ms[0])) for c, _ in parts if len(c)]
    else:
        several, rejected = decoded(partial(decoder.snapshots, now_ms=now_ms), run, lines)
        events = [(one.row, one.at_ms) for snapshots, _ in several for one in snapshots]
    return (events[0] if events else None), rejected
