"""The committed boards, and their expressions as Prometheus would get them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import promql_parser

from tests.operation.dockerfile import ROOT

FOLDER: Final = ROOT / "dashboards" / "grafana"
BOARDS: Final[Mapping[str, Mapping[str, Any]]] = {
    path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))
}
# As Grafana chooses them: all of a variable, and four scrapes of 5 s for a rate.
VARIABLES: Final = {"$client": ".*", "$platform": ".*", "$__rate_interval": "20s"}


def panels() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Of all boards, each with a name for messages."""
    for name, board in BOARDS.items():
        for panel in board["panels"]:
            yield f"{name}: {panel['title']}", panel


def substituted(expression: str) -> str:
    """Without Grafana's variables."""
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression


def expressions() -> Iterator[tuple[str, str]]:
    """Of all panels, each with its panel's name."""
    for name, panel in panels():
        for target in panel["targets"]:
            yield name, substituted(target["expr"])


def nodes(expression: str) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every part of an expression, with those around it, outermost first.

    Raises:
        ValueError: it cannot be parsed.
    """
    yield from _below(promql_parser.parse(expression), ())


def _below(node: Any, around: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    yield node, around
    for name in ("lhs", "rhs", "expr", "param", "args", "vector_selector"):
        found = getattr(node, name, None)
        for part in found if isinstance(found, list) else [found]:
            if isinstance(part, promql_parser.Expr | promql_parser.VectorSelector):
                yield from _below(part, (*around, node))


def selectors(expression: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Every metric that is read, with the parts around it."""
    for node, around in nodes(expression):
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name, f"{expression}: a selector without a metric"
            yield node.name, around
