"""Every metric of the boards is in a worker's real scrape, every query answered by a real Prometheus."""

import re

from prometheus_client.parser import text_string_to_metric_families

from tests.operation.board_files import BOARDS, expressions, panels, selectors, substituted
from tests.operation.stack import Stack
from tests.processes import wait_until

VALUES = re.compile(r"label_values\((?P<metric>[a-z_0-9]+)(?P<matchers>\{.*\})?, (?P<label>[a-z]+)\)")


def exported(stack: Stack) -> set[str]:
    """The names of all metrics, also of those that have no sample yet."""
    names = set()
    for port in stack.ports("worker"):
        for family in text_string_to_metric_families(stack.scrape(port)):
            names.add(family.name + ("_total" if family.type == "counter" else ""))
    return names


def test_every_metric_is_exported(stack: Stack) -> None:
    names = exported(stack)
    for name, expression in expressions():
        for metric, _ in selectors(expression):
            assert metric in names, f"{name}: {metric}"


def answers(stack: Stack, title: str) -> list[tuple[dict[str, str], float]]:
    """What a panel's query gives now: labels and value, in its order."""
    (panel,) = [panel for _, panel in panels() if panel["title"] == title]
    found = stack.ask_prometheus("query", query=substituted(panel["targets"][0]["expr"]))
    return [(each["metric"], float(each["value"][1])) for each in found["result"]]


def test_every_query_is_answered(stack: Stack) -> None:
    for name, panel in panels():
        wait_until(lambda title=panel["title"]: answers(stack, title), f"{name} has data")  # type: ignore[misc]


def test_the_legends_labels_are_there(stack: Stack) -> None:
    for name, panel in panels():
        wanted = set(re.findall(r"\{\{(\w+)\}\}", panel["targets"][0]["legendFormat"]))
        found = wait_until(lambda title=panel["title"]: answers(stack, title), f"{name} has data")  # type: ignore[misc]
        for labels, _ in found:
            assert wanted <= set(labels), name


def test_best_and_worst_are_the_ends_of_what_the_workers_export(stack: Stack) -> None:
    def ends() -> list[list[tuple[dict[str, str], float]]] | None:
        found = [answers(stack, f"{end} accounts, per 1,000 of potential") for end in ("Best", "Worst")]
        together = {labels["account"] for each in found for labels, _ in each}
        return found if [*map(len, found), len(together)] == [5, 5, 8] else None

    # Of ten accounts two are a choir's, which has no potential.
    best, worst = wait_until(ends, "five of eight are best, five worst")
    assert [value for _, value in best] == sorted((value for _, value in best), reverse=True)
    assert [value for _, value in worst] == sorted(value for _, value in worst)
    assert worst[-1][1] <= best[0][1]
    names = {labels["name"] for labels, _ in (*best, *worst)}
    assert {"Bakery Winter", "bakery.winter", "@harbourmuseum"} <= names
    assert not any("choir" in name for name in names)


def test_every_client_with_a_potential_is_there(stack: Stack) -> None:
    def clients() -> set[str]:
        return {labels["client"] for labels, _ in answers(stack, "Best clients, per 1,000 of potential")}

    # The choir has no potential.
    wait_until(
        lambda: clients() == {"bakery", "museum", "cargo-bikes"}, f"not {clients()}, but all are there"
    )


def test_no_connector_is_stale_and_no_letter_dead(stack: Stack) -> None:
    wait_until(lambda: answers(stack, "Connectors") == [({}, 0.0)], "all connectors are live")
    wait_until(lambda: answers(stack, "Dead letters") == [({}, 0.0)], "there is no dead letter")


def test_the_variables_have_values(stack: Stack) -> None:
    for board in BOARDS.values():
        for variable in board["templating"]["list"]:
            if variable["type"] != "query":
                continue
            asked = VALUES.fullmatch(variable["query"])
            assert asked, variable["query"]
            selector = asked["metric"] + substituted(asked["matchers"] or "")
            path = f"label/{asked['label']}/values"
            found = stack.ask_prometheus(path, **{"match[]": selector})
            assert len(found) >= 4, variable["name"]
