"""All checks, one after the other. A new one is a function and a line in the list."""

from collections.abc import Callable, Iterator
from typing import Final

from resonanz_streams.doctor import broker_checks, other_checks
from resonanz_streams.doctor.findings import Finding, told
from resonanz_streams.doctor.patient import Patient
from resonanz_streams.errors import ResonanzError

CHECKS: Final[tuple[Callable[[Patient], Iterator[Finding]], ...]] = (
    broker_checks.broker,
    broker_checks.topics,
    broker_checks.horizon,
    broker_checks.workers,
    broker_checks.lag,
    broker_checks.lost,
    broker_checks.state,
    broker_checks.dead_letters,
    other_checks.connectors,
    other_checks.credentials,
    other_checks.clocks,
    other_checks.disk,
    other_checks.ports,
    other_checks.tokens,
)


def examine(patient: Patient) -> Iterator[Finding]:
    """What each check finds; one that cannot look says why, and the others go on."""
    for check in CHECKS:
        try:
            yield from check(patient)
        except ResonanzError as error:
            yield told("fail", check.__name__.replace("_", " "), error)
