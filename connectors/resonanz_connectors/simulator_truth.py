"""What a reader of the simulated events must come to: every net interaction, and the incidents."""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from resonanz_connectors.simulator_dialogue import Comment, Dialogue, Talk
from resonanz_connectors.simulator_feed import Arrivals
from resonanz_connectors.simulator_incidents import Planned
from resonanz_connectors.simulator_model import COMMENT, LIKE, TEAM
from resonanz_streams.events import KINDS
from resonanz_streams.registry import Account, Registry
from resonanz_streams.topics import DAY_MS

WINDOWS_MS = {"24h": DAY_MS, "7d": 7 * DAY_MS, "28d": 28 * DAY_MS}
"""Of dialogues in the file; ``after_ms`` in it is where each begins, to the millisecond."""
_NEVER = -(2**62)
Identity = tuple[int, int, int, int]


class Truth:
    """Keeps, for each identity of the contract, its newest addition and its newest removal.

    The client's own replies are no interactions. What a dead connector missed is not in it.
    """

    def __init__(self, registry: Registry, accounts: Sequence[Account], incidents: Sequence[Planned]) -> None:
        self._slas = [registry.clients[account.client].sla_ms for account in accounts]
        self._accounts = accounts
        self._incidents = incidents
        self._added: dict[Identity, int] = {}
        self._removed: dict[Identity, int] = {}
        self._comments: list[dict[int, Comment]] = [{} for _ in accounts]
        self._gone: list[set[int]] = [set() for _ in accounts]
        self._told_ms = 0
        # A stop does not wait for a writing that goes on in its thread, and writes once more.
        self._lock = threading.Lock()

    def take(self, arrivals: Arrivals) -> None:
        """Count what was published."""
        columns = ("account", "kind", "key", "actor", "post", "parent", "remove", "at_ms")
        rows = zip(*(arrivals.actions[name].tolist() for name in columns), strict=True)
        with self._lock:
            self._told_ms = arrivals.to_ms
            for account, kind, key, actor, post, parent, remove, at_ms in rows:
                if kind == COMMENT and remove:
                    self._gone[account].add(key)
                elif kind == COMMENT:
                    self._comments[account][key] = Comment(at_ms, actor == TEAM, parent, post)
                if actor == TEAM:
                    continue
                identity = (account, kind, actor, post) if kind == LIKE else (account, kind, key, 0)
                side = self._removed if remove else self._added
                side[identity] = max(at_ms, side.get(identity, _NEVER))

    def interactions(self) -> list[tuple[str, str, int]]:
        """(account, kind, at_ms) of everything that counts, sorted."""
        return sorted(
            (self._accounts[identity[0]].id, KINDS[identity[1]], at_ms)
            for identity, at_ms in self._added.items()
            if at_ms > self._removed.get(identity, _NEVER)
        )

    def dialogues(self) -> Iterator[tuple[str, str, Dialogue]]:
        """(account, window, dialogue) as of the end of what was told."""
        for row, account in enumerate(self._accounts):
            talk = Talk(self._comments[row], self._gone[row], sla_ms=self._slas[row])
            for window, length_ms in WINDOWS_MS.items():
                yield account.id, window, talk.dialogue(self._told_ms - length_ms, self._told_ms)

    def write(self, path: Path) -> None:
        """Replace ``path``: one JSON object a line; incidents first, then interactions. Dialogues go into a
        file beside it, ``truth.dialogues.jsonl`` for ``truth.jsonl``."""
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, chain(self._incidents_told(), self._interactions_told()))
            _replace(
                path.with_suffix(".dialogues" + path.suffix),
                (
                    {"account": account, "window": window, **dialogue._asdict()}
                    for account, window, dialogue in self.dialogues()
                ),
            )

    def _incidents_told(self) -> Iterator[Mapping[str, object]]:
        for incident in self._incidents:
            yield {
                "incident": incident.kind,
                "accounts": incident.accounts,
                "from_ms": incident.from_ms,
                "to_ms": incident.to_ms,
            }

    def _interactions_told(self) -> Iterator[Mapping[str, object]]:
        for account, kind, at_ms in self.interactions():
            yield {"account": account, "kind": kind, "at_ms": at_ms}


def _replace(path: Path, lines: Iterable[Mapping[str, object]]) -> None:
    draft = path.with_name(path.name + ".draft")
    with draft.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    draft.replace(path)
