"""Arrivals as batches: packed records, several events of one account in one, a line each."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from resonanz_connectors.batch import Batch
from resonanz_connectors.simulator_feed import USUAL_LAG_MS, Arrivals
from resonanz_connectors.simulator_model import BOT, BOTS_FROM, BURST, COMMENT, SPAM, TEAM, Actions, Public
from resonanz_connectors.simulator_words import Words, post_name
from resonanz_streams.events import KINDS, Audience, Post
from resonanz_streams.registry import Account, Registry
from resonanz_streams.topics import TOPIC_OF_KIND
from resonanz_streams.transports.ports import Outgoing

SOURCE: Final = "simulator"
_RECORD_LINES: Final = 250
_KEPT_NAMES: Final = 1_000_000
_FLAGS: Final = {
    0: "",
    BOT: ',"flags":["bot"]',
    BOT | SPAM: ',"flags":["bot","spam"]',
    BOT | BURST: ',"flags":["bot","burst"]',
    BOT | SPAM | BURST: ',"flags":["bot","spam","burst"]',
}


class Writer:
    """Writes what :func:`resonanz_streams.events.encode` would write, a good deal faster."""

    def __init__(self, registry: Registry, accounts: Sequence[Account], public: Public) -> None:
        self._registry = registry
        self._accounts = accounts
        self._public = public
        self._words = Words(registry, accounts, public)
        self._quoted = [msgspec.json.encode(account.id).decode() for account in accounts]
        self._names: dict[tuple[str, int], str] = {}

    def batch(self, arrivals: Arrivals, cursor: str) -> Batch:
        """Everything that arrived, grouped by topic and account, in order of arrival within."""
        newest: dict[str, int] = {}
        return Batch(
            events=[*self._posts(arrivals), *self._snapshots(arrivals)],
            records=list(self._records(arrivals.actions, newest)),
            cursor=cursor,
            complete_through_ms=arrivals.to_ms - USUAL_LAG_MS,
            last_event_ms=newest,
        )

    def _records(self, actions: Actions, newest: dict[str, int]) -> Iterator[Outgoing]:
        group = actions["account"].astype(np.int64) * len(KINDS) + actions["kind"]
        order = np.argsort(group, kind="stable")
        actions, group = actions[order], group[order]
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        ends = np.append(starts, len(group))[1:]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            row, kind = divmod(int(group[start]), len(KINDS))
            account, topic = self._accounts[row], TOPIC_OF_KIND[KINDS[kind]]
            part = actions[start:end]
            newest[account.id] = max(int(part["at_ms"].max()), newest.get(account.id, 0))
            lines = self._lines(row, kind, part)
            key = account.id.encode()
            for first in range(0, len(lines), _RECORD_LINES):
                value = "\n".join(lines[first : first + _RECORD_LINES]).encode()
                yield Outgoing(topic, key, value)

    def _lines(self, row: int, kind: int, part: Actions) -> list[str]:
        client = self._accounts[row].client
        head = f'","source":"{SOURCE}","kind":"{KINDS[kind]}"'
        account = f',"account":{self._quoted[row]},"actor":"'
        columns = ("key", "remove", "actor", "post", "parent", "flags", "venue", "at_ms", "seen_ms")
        venues, lines = self._words.written_venues(row), []
        for key, remove, actor, post, parent, flags, venue, at_ms, seen_ms in zip(
            *(part[name].tolist() for name in columns), strict=True
        ):
            op = ',"op":"remove"' if remove else ""
            own = '","own":true' if actor == TEAM else '"'
            about, topics = self._words.written(row, post)
            if kind == COMMENT:
                about += f',"parent":"{parent:016x}"' if parent else ""
                about += f',"thread":"{post_name(post)}"'
            lines.append(
                f'{{"v":1,"id":"{key:016x}{head}{op}{account}{self._name(client, actor)}{own}'
                f'{about}{venues[venue]}{topics}{_FLAGS[flags]},"at_ms":{at_ms},"seen_ms":{seen_ms}}}'
            )
        return lines

    def _name(self, client: str, actor: int) -> str:
        known = self._names.get((client, actor))
        if known is not None:
            return known
        if len(self._names) >= _KEPT_NAMES:
            self._names.clear()
        name = self._registry.pseudonym(client, handle(actor))
        self._names[client, actor] = name
        return name

    def _posts(self, arrivals: Arrivals) -> Iterator[Post]:
        public, venues = self._public, self._away_venues(arrivals)
        for (row, post), venue in zip(arrivals.posts, venues, strict=True):
            away = post < 0
            phase, every = (
                (public.away_phase, public.away_every) if away else (public.post_phase, public.post_every)
            )
            at_ms = int(phase[row] + (-1 - post if away else post) * every[row])
            yield Post(
                id=post_name(post),
                source=SOURCE,
                account=self._accounts[row].id,
                object=post_name(post),
                venue="elsewhere" if away else "own",
                venue_name=self._words.venue_name(row, venue) if away else None,
                topics=self._words.topics(row, post),
                at_ms=at_ms,
                seen_ms=at_ms,
            )

    def _away_venues(self, arrivals: Arrivals) -> list[int]:
        """Where each would be, were it a comment elsewhere."""
        rows, posts = np.array(arrivals.posts, dtype=np.int64).reshape(-1, 2).T
        venues: list[int] = self._public.away_venue(rows, -1 - posts).tolist()
        return venues

    def _snapshots(self, arrivals: Arrivals) -> Iterator[Audience]:
        for row, at_ms, followers in arrivals.snapshots:
            yield Audience(
                id=f"followers-{at_ms}",
                source=SOURCE,
                account=self._accounts[row].id,
                at_ms=at_ms,
                followers=followers,
            )


def handle(actor: int) -> str:
    """The name that an actor bears on its platform; it never leaves the simulator."""
    if actor == TEAM:
        return "team"
    return f"bot-{actor - BOTS_FROM}" if actor >= BOTS_FROM else f"fan-{actor}"
