"""What topic ``kpis`` says at the end, and what it should say."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from resonanz_streams.topics import KPIS
from resonanz_streams.transports.brokers import open_tail

Snapshot = dict[str, Any]
Counts = dict[str, dict[str, dict[str, float]]]
WINDOWS_MS = {
    "1m": 60_000,
    "5m": 300_000,
    "15m": 900_000,
    "1h": 3_600_000,
    "24h": 86_400_000,
    "7d": 604_800_000,
    "28d": 2_419_200_000,
}


def resolution_ms(window_ms: int) -> int:
    """The documented grain of a window's old edge."""
    return 10_000 if window_ms <= 3_600_000 else 300_000 if window_ms <= 86_400_000 else 3_600_000


def naive_counts(events: Sequence[dict[str, Any]], now_ms: int) -> Counts:
    """Net counts by account, window and kind: a dictionary of keys, nothing of the engine."""
    newest: dict[tuple[Any, ...], dict[str, tuple[int, int]]] = {}
    for event in events:
        key: tuple[Any, ...] = (event["account"], event["kind"], event["source"], event["id"])
        if event["kind"] == "like" and event.get("actor") and event.get("object"):
            key = (event["account"], event["source"], event["actor"], event["object"], "like")
        times = newest.setdefault(key, {"account": event["account"], "kind": event["kind"]})
        moment = (event["at_ms"], event.get("count", 1))
        times[event["op"]] = max(times.get(event["op"], (-1, 0)), moment)
    counts: Counts = {
        account: {window: dict.fromkeys(("like", "comment", "share"), 0.0) for window in WINDOWS_MS}
        for account in {event["account"] for event in events}
    }
    for state in newest.values():
        at_ms, weight = state.get("add", (-1, 0))
        if at_ms <= state.get("remove", (-1, 0))[0] or at_ms < 0:
            continue
        for window, length in WINDOWS_MS.items():
            grain = resolution_ms(length)
            if (now_ms - length) // grain * grain < at_ms <= now_ms:
                counts[str(state["account"])][window][str(state["kind"])] += weight
    return counts


def final_counts(
    broker: str, accounts: Sequence[str], at_ms: int, *, prefix: str = "", seconds: float = 60.0
) -> Counts:
    """Net counts as of ``at_ms``, once every account's newest snapshot is of that time."""

    def told(newest: Mapping[str, Snapshot]) -> bool:
        return all(_is_of(newest.get(account), at_ms) for account in accounts)

    newest = last_snapshots(broker, told, prefix=prefix, seconds=seconds)
    behind = [account for account in accounts if not _is_of(newest.get(account), at_ms)]
    assert not behind, f"{len(behind)} accounts were not told as of {at_ms} within {seconds:.0f} s"
    return {account: _counts(newest[account]) for account in accounts}


def last_snapshots(
    broker: str, enough: Callable[[Mapping[str, Snapshot]], bool], *, prefix: str = "", seconds: float = 60.0
) -> dict[str, Snapshot]:
    """The newest snapshot of each account, once they are ``enough`` or ``seconds`` are over."""
    return asyncio.run(_last_snapshots(broker, enough, prefix, seconds))


async def _last_snapshots(
    broker: str, enough: Callable[[Mapping[str, Snapshot]], bool], prefix: str, seconds: float
) -> dict[str, Snapshot]:
    tail = open_tail(broker, [KPIS], prefix=prefix)
    newest: dict[str, Snapshot] = {}
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not (tail.caught_up() and enough(newest)):
                    for record in await tail.poll(1.0):
                        if record.key and record.value:
                            newest[record.key.decode()] = orjson.loads(record.value)
    finally:
        await tail.close()
    return newest


def _is_of(snapshot: Snapshot | None, at_ms: int) -> bool:
    return snapshot is not None and snapshot["at_ms"] == at_ms


def _counts(snapshot: Snapshot) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {window: {} for window in WINDOWS_MS}
    for entry in snapshot["kpis"]:
        if entry["kpi"] == "interactions" and entry["part"] in {"like", "comment", "share"}:
            found[entry["window"]][entry["part"]] = entry["value"]
    return found
