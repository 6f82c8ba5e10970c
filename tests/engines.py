"""Engines for tests: one partition, accounts by name, nothing else to say."""

from typing import Final

from resonanz_streams.engine import PartitionEngine
from resonanz_streams.registry import build_registry
from resonanz_streams.settings import settings_of
from resonanz_streams.topics import DAY_MS

NOW_MS: Final = 1_700_000_000_000


def engine_of(*accounts: str, horizon_days: int = 29, ledger_max_bytes: int = 2**30) -> PartitionEngine:
    """An engine that owns all ``accounts``, of one client with a potential of 1,000."""
    settings = settings_of(
        {
            "pseudonym_key": "${KEY}",
            "partitions": 1,
            "clients": {"fleet": {"name": "Fleet", "potential": 1000, "accounts": list(accounts)}},
        },
        environment={"KEY": "0123456789abcdef0123456789abcdef"},
    )
    return PartitionEngine(
        build_registry(settings), 0, horizon_ms=horizon_days * DAY_MS, ledger_max_bytes=ledger_max_bytes
    )
