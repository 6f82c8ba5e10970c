"""What each part may do on a locked-down Apache Kafka: all that it needs, and nothing more."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from resonanz_streams.topics import (
    COUNTED_TOPICS,
    DEAD_LETTERS,
    DEEP,
    KPIS,
    LATE,
    PUBLISHED,
    STATE,
    STATUS,
    TOPICS,
)

ROLES: Final = ("connector", "worker", "wall", "admin", "doctor", "operator")
_EVERY: Final = tuple(TOPICS)

_TOPIC_RIGHTS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "connector": {"Write": PUBLISHED, "Read": (STATUS,)},
    "worker": {
        "Read": (*COUNTED_TOPICS, STATUS, STATE),
        "Write": (STATE, KPIS, DEEP, LATE, DEAD_LETTERS),
    },
    "wall": {"Read": (KPIS, DEEP, STATUS)},
    "admin": {"Create": _EVERY, "Describe": _EVERY, "DescribeConfigs": _EVERY},
    "doctor": {
        "Read": (DEAD_LETTERS, STATUS, STATE),
        "Describe": tuple(name for name in _EVERY if name not in {DEAD_LETTERS, STATUS, STATE}),
        "DescribeConfigs": _EVERY,
    },
    # Who runs audit, rebuild, redrive and doctor.
    "operator": {
        "Read": (*COUNTED_TOPICS, KPIS, DEEP, STATE, DEAD_LETTERS, STATUS),
        "Write": (*COUNTED_TOPICS, STATE, DEAD_LETTERS),
        "Describe": (LATE,),
        "DescribeConfigs": _EVERY,
    },
}


@dataclass(frozen=True, slots=True)
class Acl:
    """One right of one role. ``resource`` is topic, group or transactional-id; ``pattern`` is literal, or
    prefixed: every name that begins with ``name``."""

    role: str
    principal: str
    resource: str
    name: str
    pattern: str
    operation: str


def needed_acls(prefix: str, group: str) -> list[Acl]:
    """The rights of every role, for topics with this prefix and workers of this group."""
    return [
        Acl(role, f"User:resonanz-{role}", resource, name, pattern, operation)
        for role in ROLES
        for resource, name, pattern, operation in _rights(role, prefix, group)
    ]


def _rights(role: str, prefix: str, group: str) -> Iterator[tuple[str, str, str, str]]:
    for operation, names in _TOPIC_RIGHTS[role].items():
        for name in names:
            yield "topic", prefix + name, "literal", operation
    if role in {"worker", "operator"}:
        yield "group", group, "literal", "Read"
        # One for each partition; the group's name and a hyphen begin all of them.
        yield "transactional-id", f"{prefix}{group}-", "prefixed", "Write"
    if role == "doctor":
        yield "group", group, "literal", "Describe"


def command_lines(acls: Iterable[Acl], servers: str) -> Iterator[str]:
    """What an administrator of the cluster runs, a line for each set of rights."""
    for role, of_role in groupby(acls, key=lambda acl: acl.role):
        rights = list(of_role)
        yield f"# {role}"
        start = f"kafka-acls.sh --bootstrap-server {servers} --add --allow-principal {rights[0].principal}"
        yield from (f"{start} {words}" for words in _words(rights))


def _words(rights: Iterable[Acl]) -> Iterator[str]:
    """Names with the same rights stand in one line."""
    operations: dict[tuple[str, str, str], str] = {}
    for acl in rights:
        place = acl.resource, acl.pattern, acl.name
        operations[place] = f"{operations.get(place, '')}--operation {acl.operation} "
    names: dict[tuple[str, str], str] = {}
    for (resource, pattern, name), allowed in operations.items():
        kind = "" if pattern == "literal" else f"--resource-pattern-type {pattern} "
        names[allowed, kind] = f"{names.get((allowed, kind), '')} --{resource} {name}"
    yield from (
        f"{allowed}{kind.strip()}{of_these}".replace("  ", " ") for (allowed, kind), of_these in names.items()
    )
