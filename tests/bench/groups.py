"""What each group of KPIs costs whenever it is computed, of 10,000 accounts about which something is said."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import median
from typing import Any, Final

import msgspec
import numpy as np

from resonanz_streams.catalogue import known_kpis
from resonanz_streams.clock import wall_ms
from resonanz_streams.engine import PartitionEngine
from resonanz_streams.evaluation import evaluate
from resonanz_streams.kpis.base import Inputs, Kpi
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import DAY_MS, LEDGER_TOPICS, partition_of
from resonanz_streams.transports.ports import Run
from tests.bench.alone import counted
from tests.bench.figures import Row, measured
from tests.bench.load import PARTITIONS, account_names, settings_data
from tests.bench.setting import Setting

ACCOUNTS: Final = 10_000
TABLE: Final = "the table of what stands"
_SPAN_MS: Final = 28 * DAY_MS
_TOPICS: Final = ("rye", "oat", "spelt", "wheat", "barley")
_FLAGGED, _ELSEWHERE, _OWN, _ANSWERS = 0.02, 0.1, 0.05, 0.4
_KINDS: Final = ("like", "comment", "share", "post")
_SHARES: Final = (0.6, 0.27, 0.09, 0.04)
_RUN_LINES: Final = 5_000


def name_of(group: str) -> str:
    """The row of a group."""
    return f"KPIs: {group}"


def group_names() -> list[str]:
    """In the catalogue's order."""
    return list(dict.fromkeys(kpi.group for kpi in known_kpis()))


def measure_groups(setting: Setting) -> None:
    """A row for each group, and one for the table that deep KPIs share."""
    events, rounds = setting.scale.group_events, setting.scale.rounds
    setting.say("each group of KPIs")
    now_ms = wall_ms()
    data = settings_data(ACCOUNTS, f"sqlite:///{setting.folder}/groups.db")
    settings = settings_of(_talkative(data), environment={**os.environ, "KEY": "0" * 32})
    engines = counted(build_registry(settings), runs(events, now_ms), now_ms)
    of = f"of {ACCOUNTS:,} accounts, all windows, {events:,} events in 28 d"
    setting.report.rows.append(Row(TABLE, note=f"{_ms(rounds, lambda: _tables(engines)):.0f} ms {of}"))
    for group in group_names():
        members = [kpi for kpi in known_kpis() if kpi.group == group]
        setting.report.rows.append(_row(group, members, engines, rounds, of))


def _row(group: str, kpis: Sequence[Kpi], engines: Sequence[PartitionEngine], rounds: int, of: str) -> Row:
    told = []
    for deep, when in ((False, "a tick"), (True, "each time that deep ones are computed")):
        some = [kpi for kpi in kpis if kpi.deep is deep]
        if some:
            found = [_seconds(some, _inputs(engines, deep=deep)) * 1000 for _ in range(rounds)]
            told.append(f"{len(some)} in {median(found):.0f} ms {when}")
    return Row(name_of(group), note=f"{' and '.join(told)}, {of}")


def _seconds(kpis: Sequence[Kpi], inputs: Sequence[Inputs]) -> float:
    with measured(1) as found:
        for one in inputs:
            for _ in evaluate(one, kpis):
                pass
    return found().cpu_seconds


def _inputs(engines: Sequence[PartitionEngine], *, deep: bool) -> list[Inputs]:
    """Each time with new tables: what KPIs make of one is kept with it."""
    found = [inputs for engine in engines if (inputs := engine.inputs()) is not None]
    if not deep:
        return found
    tables = (engine.net()() for engine in engines)
    return [replace(inputs, net=table) for inputs, table in zip(found, tables, strict=True)]


def _tables(engines: Sequence[PartitionEngine]) -> None:
    for engine in engines:
        engine.net()()


def _ms(rounds: int, work: Callable[[], None]) -> float:
    found = []
    for _ in range(rounds):
        with measured(1) as one:
            work()
        found.append(one().cpu_seconds * 1000)
    return median(found)


# -- what is said -----


def _talkative(data: dict[str, Any]) -> dict[str, Any]:
    """With all that KPIs ask a client for."""
    more = {
        "topics": {topic: [] for topic in _TOPICS},
        "voice": {"version": "1", "brand": _TOPICS[0], "brands": list(_TOPICS[:3])},
        "business_hours": "Mo-Fr 08:00-18:00",
        "target_list": [f"{number:x}" for number in range(1_000)],
    }
    return data | {"clients": {name: client | more for name, client in data["clients"].items()}}


def runs(events: int, now_ms: int) -> Iterator[Run]:
    """Posts, likes, shares, comments and answers, in order of time, as the log would give them."""
    names = account_names(ACCOUNTS)
    partitions = [partition_of(name, PARTITIONS) for name in names]
    waiting: dict[tuple[str, int], list[bytes]] = {
        (topic, number): [] for topic in LEDGER_TOPICS for number in range(PARTITIONS)
    }
    offsets = dict.fromkeys(waiting, 0)
    for topic, account, line in _lines(names, events, now_ms):
        place = topic, partitions[account]
        waiting[place].append(line)
        if len(waiting[place]) == _RUN_LINES:
            yield _run(place, offsets, waiting)
    for place, lines in waiting.items():
        if lines:
            yield _run(place, offsets, waiting)


def _run(
    place: tuple[str, int], offsets: dict[tuple[str, int], int], waiting: dict[tuple[str, int], list[bytes]]
) -> Run:
    first = offsets[place]
    offsets[place] = first + 1
    lines, waiting[place] = waiting[place], []
    return Run(*place, first, first + 1, [b"\n".join(lines)], [first])


def _lines(names: Sequence[str], events: int, now_ms: int) -> Iterator[tuple[str, int, bytes]]:
    rng = np.random.default_rng(1)
    weights = 1 / np.arange(1, len(names) + 1) ** 0.8
    accounts = rng.choice(len(names), events, p=weights / weights.sum()).tolist()
    kinds = rng.choice(len(_KINDS), events, p=_SHARES).tolist()
    actors, topics = rng.integers(0, 5_000, events).tolist(), rng.integers(0, len(_TOPICS), events).tolist()
    draws = rng.random((events, 4)).tolist()
    times = np.linspace(now_ms - _SPAN_MS, now_ms, events + 1)[:-1].astype(np.int64).tolist()
    last: dict[int, str] = {}
    posts: dict[int, str] = {}
    for number, (account, kind, (own, elsewhere, flagged, answers)) in enumerate(
        zip(accounts, kinds, draws, strict=True)
    ):
        name, is_post = f"{number:08d}", _KINDS[kind] == "post"
        line: dict[str, Any] = {
            "id": name,
            "source": "file",
            "account": names[account],
            "at_ms": times[number],
            "topics": [_TOPICS[topics[number]]],
        }
        if is_post:
            posts[account] = name
            line["object"] = name
        else:
            line |= {"kind": _KINDS[kind], "actor": f"{actors[number]:x}", "object": posts.get(account, "p")}
            line |= {"own": own < _OWN, "flags": ["spam"] if flagged < _FLAGGED else []}
            line |= {"venue": "elsewhere"} if elsewhere < _ELSEWHERE else {}
        if _KINDS[kind] == "comment":
            line |= {"parent": last[account]} if account in last and answers < _ANSWERS else {}
            last[account] = name
        yield f"{_KINDS[kind]}s", account, msgspec.json.encode(line)
