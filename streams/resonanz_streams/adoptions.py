"""Accounts that a worker took up while it ran, and since when it counts them.

A connector may have followed one before: what it published then became dead letters, though its heartbeat
rightly says that it watched.
"""

from collections.abc import Collection, Mapping
from typing import Final

from resonanz_streams.coverage import CoverageBook
from resonanz_streams.errors import RECOUNT, StopError
from resonanz_streams.kpis.base import WINDOWS, WINDOWS_MS

ADOPTION_PREFIX: Final = b"c/"
"""Followed by the account; the value is the time in digits."""

_KEPT_MS: Final = 2 * WINDOWS_MS[WINDOWS[-1]] + 86_400_000
"""The longest window, the one before it, and a day for a window's rounded edges."""


class Adoptions:
    """Those of one partition. Accounts that left keep theirs, for they may come back."""

    def __init__(self, coverage: CoverageBook) -> None:
        self._coverage = coverage
        self._since: dict[str, int] = {}
        self._changed: set[str] = set()

    def load(self, rows: Mapping[bytes, bytes]) -> None:
        """Go on from these rows.

        Raises:
            StopError: one of them cannot be read.
        """
        for key, data in rows.items():
            if key.startswith(ADOPTION_PREFIX):
                try:
                    self._know(key.removeprefix(ADOPTION_PREFIX).decode(), int(data))
                except ValueError as error:
                    raise StopError(f"the state's row {key!r} cannot be read ({error}); {RECOUNT}") from None

    def add(self, accounts: Collection[str], at_ms: int) -> None:
        """These count from now on."""
        for account in accounts:
            self._know(account, at_ms)
        self._changed.update(accounts)

    def _know(self, account: str, at_ms: int) -> None:
        self._since[account] = at_ms
        self._coverage.count_from(account, at_ms)

    def take(self, now_ms: int | None) -> dict[bytes, bytes | None]:
        """The rows that changed since the last call; None for what no window reaches any more."""
        rows: dict[bytes, bytes | None] = {_key(name): b"%d" % self._since[name] for name in self._changed}
        self._changed = set()
        if now_ms is not None:
            old = [name for name, at_ms in self._since.items() if at_ms < now_ms - _KEPT_MS]
            for account in old:
                if _key(account) not in rows:
                    del self._since[account]
                    rows[_key(account)] = None
        return rows


def _key(account: str) -> bytes:
    return ADOPTION_PREFIX + account.encode()
