"""docker-compose.yml, read: merges resolved, its services in the order of what they wait for."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ruamel.yaml import YAML

from tests.operation.dockerfile import ROOT

FILE: Final = ROOT / "docker-compose.yml"
OURS: Final = "resonanz"


def load() -> Mapping[str, Any]:
    """The whole file."""
    document: Mapping[str, Any] = YAML(typ="safe").load(FILE)
    return document


SERVICES: Final[Mapping[str, Mapping[str, Any]]] = load()["services"]


def ours() -> list[str]:
    """The services that run our image, each after those that it waits for."""
    return [name for name in _ordered() if SERVICES[name]["image"] == OURS]


def _ordered() -> Iterator[str]:
    left = dict(SERVICES)
    while left:
        ready = [name for name, one in left.items() if not set(one.get("depends_on", ())) & set(left)]
        assert ready, f"{sorted(left)} wait for each other"
        for name in ready:
            del left[name]
            yield name


def command(service: str) -> list[str]:
    """The words after the image's entry point."""
    return [str(word) for word in SERVICES[service]["command"]]


def health_check(service: str) -> Sequence[str] | None:
    """The words of its own command, without the leading CMD; None where it has none of its own."""
    test = SERVICES[service].get("healthcheck", {}).get("test")
    if test is None:
        return None
    assert test[0] == "CMD", f"{service}: a shell would hide what is missing"
    return [str(word) for word in test[1:]]
