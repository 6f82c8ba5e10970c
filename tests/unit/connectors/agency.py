"""A small registry for the simulator's tests."""

from resonanz_connectors.simulator import SimulatorOptions
from resonanz_connectors.simulator_incidents import Incident
from resonanz_streams.registry import Account, Registry, build_registry
from resonanz_streams.settings import settings_of

START_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SMALL, LARGE = "instagram:bakery", "facebook:band"


def agency(zone: str = "Europe/Berlin") -> tuple[Registry, tuple[Account, ...]]:
    """A bakery of 300 people and a band of 100,000."""
    settings = settings_of(
        {
            "pseudonym_key": "${KEY}",
            "clients": {
                "bakery": _client("Bakery", zone, 300, SMALL),
                "band": _client("Band", zone, 100_000, LARGE),
            },
        },
        environment={"KEY": "0123456789abcdef0123456789abcdef"},
    )
    registry = build_registry(settings)
    return registry, tuple(registry.accounts.values())


def _client(name: str, zone: str, potential: int, account: str) -> dict[str, object]:
    return {"name": name, "timezone": zone, "potential": potential, "accounts": [account]}


def options(*incidents: Incident, seed: int = 1, rate: float = 1.0) -> SimulatorOptions:
    """Options with just these incidents."""
    return SimulatorOptions(seed=seed, rate=rate, incidents=incidents)
