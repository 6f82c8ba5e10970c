"""An agency as it really is: three clients, long names, quiet and huge accounts, things that are wrong.

``python -m tests.wall.agency`` serves it, with numbers that move, until Ctrl-C.
"""

import argparse
import itertools
import random
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.wall.figures import record, snapshot, status
from tests.wall.walls import RunningWall, settings_from

from resonanz_streams.clock import wall_ms
from resonanz_streams.transports.ports import Record

SECONDS_A_MOVE = 1.0


@dataclass(frozen=True, slots=True)
class Customer:
    """A client: its potential, and the handles of its accounts by platform."""

    id: str
    name: str
    potential: int | None
    handles: Sequence[str]


CUSTOMERS = (
    Customer(
        "bakery",
        "Bakery Winter",
        48_000,
        (
            "bluesky:winter.example",
            "mastodon:@winter@brot.example",
            "instagram:bakery.winter",
            "facebook:Bakery Winter",
            "youtube:Sourdough School",
            "reddit:u/winter-bakes",
            "linkedin:bakery-winter",
            "discourse:forum.brot.example",
        ),
    ),
    Customer(
        "transit",
        "Metropolitan Transit Authority of the Upper Valley and Lake District",
        2_400_000,
        (
            "bluesky:metropolitan-transit-authority-upper-valley.example",
            "mastodon:@service-disruptions-night-buses@upper-valley.example",
            "facebook:Upper Valley Transit",
            "youtube:Upper Valley Transit",
            "x:uvtransit",
            "instagram:upper.valley.transit",
            "webhook:app-reviews",
            "linkedin:upper-valley-transit",
        ),
    ),
    Customer(
        "theatre",
        "Little Theatre",
        None,
        (
            "bluesky:stage.example",
            "mastodon:@stage@kultur.example",
            "instagram:little.theatre",
            "youtube:Little Theatre Backstage",
            "wordpress:blog.stage.example",
            "file:ticket-surveys",
            "facebook:Little Theatre",
            "simulator:rehearsal",
        ),
    ),
)

# What is unusual about an account, by its number; all others are well.
OFFLINE, LATE, HALF_SEEN, NEVER_SEEN, UNSEEN, FALLING, FANLESS, HUGE, QUIET = 3, 6, 12, 13, 17, 21, 19, 8, 22


def agency_yaml(accounts: int = 24) -> str:
    """The configuration: ``accounts`` in turn from the three clients, numbered beyond their handles."""
    lines = ["clients:"]
    for customer in CUSTOMERS:
        its = [(key, handle) for key, client, handle in account_ids(accounts) if client == customer.id]
        if its:
            lines += [f"  {customer.id}:", f"    name: {customer.name}"]
            lines += [f"    potential: {customer.potential}"] if customer.potential else []
            lines += ["    accounts:"]
            lines += [f'      - {{id: "{key}", handle: "{handle}"}}' for key, handle in its]
    return "\n".join(lines) + "\n"


def account_ids(accounts: int) -> list[tuple[str, str, str]]:
    """(account, client, handle) of each."""
    rounds = (
        (
            f"{handle.partition(':')[0]}:{customer.id}-{turn}-{place}",
            customer.id,
            handle.partition(":")[2] + (f" {turn + 1}" if turn else ""),
        )
        for turn in itertools.count()
        for customer in CUSTOMERS
        for place, handle in enumerate(customer.handles)
    )
    return list(itertools.islice(rounds, accounts))


class Agency:
    """Its figures, one move after the other; the same seed gives the same moves."""

    def __init__(self, accounts: int = 24, seed: int = 7) -> None:
        self._draw = random.Random(seed)
        self._accounts = account_ids(accounts)
        self._per_hour = [self._draw.lognormvariate(4.2, 1.3) for _ in self._accounts]
        self._followers = [self._draw.lognormvariate(8.4, 1.5) for _ in self._accounts]
        if accounts > HUGE:
            self._per_hour[HUGE], self._followers[HUGE] = 184_000.0, 5_200_000.0
        if accounts > QUIET:
            self._per_hour[QUIET] = 0.0
        self._potential = {it.id: it.potential for it in CUSTOMERS}

    def move(self, now_ms: int, share: float = 1.0) -> list[Record]:
        """New figures of about ``share`` of the accounts as of ``now_ms``."""
        return [
            self._figures(number, now_ms)
            for number in range(len(self._accounts))
            if number != NEVER_SEEN and self._draw.random() < share
        ]

    def statuses(self, now_ms: int) -> list[Record]:
        """The connectors' heartbeats: one of them is down."""
        return [
            status(key, now_ms, "down" if number == OFFLINE else "ok", connector=key.partition(":")[0])
            for number, (key, _, _) in enumerate(self._accounts)
        ]

    def _figures(self, number: int, now_ms: int) -> Record:
        key, client, _ = self._accounts[number]
        self._per_hour[number] *= self._draw.lognormvariate(0, 0.03)
        return record(
            snapshot(
                key,
                now_ms - (185_000 if number == LATE else 0),
                client=client,
                likes_per_hour=-4 if number == FALLING else self._per_hour[number],
                followers=None if number == FANLESS else self._followers[number],
                potential=self._potential[client],
                coverage={HALF_SEEN: 0.62, UNSEEN: 0.0}.get(number, 1.0),
            )
        )


def main() -> None:
    """Serve the agency."""
    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("--port", type=int, default=8099)
    options.add_argument("--accounts", type=int, default=24)
    options.add_argument("--share", type=float, default=0.6)
    options.add_argument("--silent", action="store_true", help="nothing ever arrives")
    given = options.parse_args()
    agency, pause = Agency(given.accounts), threading.Event()
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningWall(settings_from(Path(folder), agency_yaml(given.accounts)), port=given.port) as wall,
    ):
        print(wall.url, flush=True)
        if not given.silent:
            wall.tail.put(*agency.statuses(wall_ms()), *agency.move(wall_ms()))
        while not pause.wait(SECONDS_A_MOVE):
            if not given.silent:
                wall.tail.put(*agency.move(wall_ms(), given.share))


if __name__ == "__main__":
    main()
