"""What differs between two registries, in words that name nobody."""

from collections.abc import Mapping
from typing import Any

from resonanz_streams.registry import Registry


def described(before: Registry, after: Registry) -> str:
    """``2 accounts added, 1 client changed``; what an account's client has changed in is the client's."""
    parts = [
        *_parts("client", before.clients, after.clients),
        *_parts("account", before.accounts, after.accounts),
    ]
    return ", ".join(parts) or "no client and no account changed"


def _parts(noun: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    numbers = {
        "added": len(after.keys() - before.keys()),
        "removed": len(before.keys() - after.keys()),
        "changed": sum(before[name] != after[name] for name in before.keys() & after.keys()),
    }
    return [
        f"{number:,} {noun}{'s' if number > 1 else ''} {what}" for what, number in numbers.items() if number
    ]
