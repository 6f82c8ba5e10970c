"""What a reader of the simulated events must come to: every net interaction, and the incidents."""

import json
import threading
from collections.abc import Sequence
from pathlib import Path

from resonanz_connectors.simulator_incidents import Planned
from resonanz_connectors.simulator_model import LIKE, TEAM, Actions
from resonanz_streams.events import KINDS
from resonanz_streams.registry import Account

_NEVER = -(2**62)
Identity = tuple[int, int, int, int]


class Truth:
    """Keeps, for each identity of the contract, its newest addition and its newest removal.

    The client's own replies are no interactions. What a dead connector missed is not in it.
    """

    def __init__(self, accounts: Sequence[Account], incidents: Sequence[Planned]) -> None:
        self._accounts = accounts
        self._incidents = incidents
        self._added: dict[Identity, int] = {}
        self._removed: dict[Identity, int] = {}
        # A stop does not wait for a writing that goes on in its thread, and writes once more.
        self._lock = threading.Lock()

    def take(self, actions: Actions) -> None:
        """Count what was published."""
        columns = ("account", "kind", "key", "actor", "post", "remove", "at_ms")
        rows = zip(*(actions[name].tolist() for name in columns), strict=True)
        with self._lock:
            for account, kind, key, actor, post, remove, at_ms in rows:
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

    def write(self, path: Path) -> None:
        """Replace ``path``: one JSON object a line; incidents first, then interactions."""
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(path.name + ".draft")
            with draft.open("w", encoding="utf-8") as file:
                for incident in self._incidents:
                    facts = {
                        "accounts": incident.accounts,
                        "from_ms": incident.from_ms,
                        "to_ms": incident.to_ms,
                    }
                    file.write(json.dumps({"incident": incident.kind, **facts}) + "\n")
                for account, kind, at_ms in self.interactions():
                    file.write(json.dumps({"account": account, "kind": kind, "at_ms": at_ms}) + "\n")
            draft.replace(path)
