"""How soon people react: recorded comments and retweets, by the poster's time zone, against numpy."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.backtests import back_tested, write_lines

from resonanz_streams.registry import Registry
from resonanz_streams.settings import settings_of

DATA: Final = Path(__file__).parents[1] / "data" / "klout"
FILES: Final = {"comment": DATA / "facebook_comments.tsv", "share": DATA / "twitter_retweets.tsv"}
ZONES: Final = {
    "Argentina Standard Time": "America/Argentina/Buenos_Aires",
    "Atlantic Standard Time": "America/Halifax",
    "Australian Eastern Standard Time": "Australia/Sydney",
    "Bangladesh Standard Time": "Asia/Dhaka",
    "Brasília Standard Time": "America/Sao_Paulo",
    "Central European Time": "Europe/Berlin",
    "Central Standard Time": "America/Chicago",
    "Eastern European Time": "Europe/Helsinki",
    "Eastern Standard Time": "America/New_York",
    "Fernando de Noronha Time": "America/Noronha",
    "Greenwich Mean Time": "Europe/London",
    "Hawaii-Aleutian Standard Time": "Pacific/Honolulu",
    "India Standard Time": "Asia/Kolkata",
    "Indonesia Western Time": "Asia/Jakarta",
    "Japan Standard Time": "Asia/Tokyo",
    "Korea Standard Time": "Asia/Seoul",
    "Mountain Standard Time": "America/Denver",
    "Norfolk Time": "Pacific/Norfolk",
    "Pacific Standard Time": "America/Los_Angeles",
    "Paraguay Time": "America/Asuncion",
    "Samoa Standard Time": "Pacific/Pago_Pago",
    "Singapore Time": "Asia/Singapore",
    "Thailand Standard Time": "Asia/Bangkok",
    "Venezuela Time": "America/Caracas",
    "Western European Time": "Europe/Lisbon",
    r"\N": "UTC",
}
"""What the files call them, without saying whether clocks are changed; the last is unknown."""

HOUR_MS: Final = 3_600_000
END_MS: Final = 1_413_417_405_998
"""The last reaction, a day after the posts."""

INSTANTS: Final = [END_MS + hours * HOUR_MS for hours in (-23, -12, 0, 6)]
WINDOWS: Final = {"24h": (24 * HOUR_MS, 300_000), "7d": (168 * HOUR_MS, HOUR_MS)}
"""Length and what the old edge is rounded down to."""


class Reaction(NamedTuple):
    account: str
    kind: str
    zone: str
    actor: str
    post: str
    posted_ms: int
    at_ms: int


def reactions() -> list[Reaction]:
    """An account for each zone and kind, so that each has only one of both.

    Of some posts the files have several times, up to 5 ms apart: the first one counts.
    """
    recorded = list(rows_of_files())
    posted: dict[tuple[str, str], int] = {}
    for one in recorded:
        posted[one.account, one.post] = min(one.posted_ms, posted.get((one.account, one.post), one.posted_ms))
    return [one._replace(posted_ms=posted[one.account, one.post]) for one in recorded]


def rows_of_files() -> Iterator[Reaction]:
    for kind, path in FILES.items():
        with path.open(encoding="utf-8") as file:
            next(file)
            for _, actor, post, posted, at, named in csv.reader(file, delimiter="\t"):
                zone = ZONES[named.replace("\N{NO-BREAK SPACE}", " ")]
                account = f"file:{kind}:{zone}"
                yield Reaction(account, kind, zone, actor, post, int(posted), int(at))


def lines(recorded: list[Reaction]) -> Iterator[dict[str, Any]]:
    for number, one in enumerate(recorded):
        yield {"topic": "posts", "id": one.post, "account": one.account, "at_ms": one.posted_ms}
        yield {
            "kind": one.kind,
            "id": str(number),
            "account": one.account,
            "actor": one.actor,
            "object": one.post,
            "at_ms": one.at_ms,
        }


def by_numpy(recorded: list[Reaction], account: str, now_ms: int, window: str) -> dict[str | None, Any]:
    """Value and number of reactions of each part."""
    length, grain = WINDOWS[window]
    start = (now_ms - length) // grain * grain
    delays: dict[str, list[int]] = defaultdict(list)
    hours: dict[str, list[int]] = defaultdict(list)
    for one in recorded:
        if one.account == account and start < one.at_ms <= now_ms:
            delay = max(0, one.at_ms - one.posted_ms)
            delays[one.post].append(delay)
            hour = datetime.fromtimestamp(one.posted_ms / 1000, ZoneInfo(one.zone)).hour
            hours[f"hour:{hour:02d}"].append(delay)
    if not delays:
        return {}
    every = np.concatenate([*delays.values()]) / 1000
    halves = [np.median(each) / 1000 for each in delays.values()]
    return {
        None: (np.percentile(every, 50), len(every)),
        "p90": (np.percentile(every, 90), len(every)),
        "half_life": (np.median(halves), len(halves)),
        **{hour: (np.median(each) / 1000, len(each)) for hour, each in hours.items()},
    }


def test_reaction_times_are_numpy_s_for_both_kinds_in_all_time_zones(tmp_path: Path) -> None:
    recorded = reactions()
    zones = {one.account: one.zone for one in recorded}
    clients = {
        f"c{number}": {
            "name": zone,
            "timezone": zone,
            "accounts": sorted(a for a in zones if zones[a] == zone),
        }
        for number, zone in enumerate(sorted(set(zones.values())))
    }
    settings = settings_of({"ledger_max_mb": 16, "clients": clients})
    registry = Registry(settings, b"0123456789abcdef")
    path = write_lines(tmp_path / "reactions.jsonl", lines(recorded))
    found: dict[tuple[str, int, str], dict[str | None, Any]] = defaultdict(dict)
    for now_ms in INSTANTS:
        rows = back_tested(settings, registry, [path], tmp_path / "kpis.parquet",
            from_ms=now_ms, to_ms=now_ms, step_ms=1, kpis=["reaction_time"], windows=list(WINDOWS),
        )  # fmt: skip
        for row in rows:
            if row["value"] is not None:
                found[row["account"], now_ms, row["window"]][row["part"]] = row["value"], row["denominator"]
    compared = 0
    for account in zones:
        for now_ms in INSTANTS:
            for window in WINDOWS:
                expected = by_numpy(recorded, account, now_ms, window)
                of_account = found[account, now_ms, window]
                assert of_account.keys() == expected.keys(), (account, now_ms, window)
                for part, (value, many) in expected.items():
                    assert of_account[part] == (pytest.approx(value, rel=1e-12), many), (account, part)
                    compared += many if part is None else 0
    assert len(zones) == 38
    assert {one.kind for one in recorded} == {"comment", "share"}
    assert compared > 5 * len(recorded)
