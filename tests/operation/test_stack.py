"""Every command of docker-compose.yml runs here as it stands there, until its health check passes."""

import urllib.error
import urllib.request

import pytest

from tests.operation import compose
from tests.operation.compose import SERVICES
from tests.operation.conftest import run
from tests.operation.stack import Stack
from tests.processes import wait_until

ACCOUNTS = 10


def test_two_workers_wall_and_connectors_run(stack: Stack) -> None:
    started = {service: len(found) for service, found in stack.processes.items()}
    assert started == {"worker": 2, "connect": 1, "wall": 1, "prometheus": 1}
    for found in stack.processes.values():
        for process, _ in found:
            assert process.process.poll() is None, process.output()


def test_topics_are_there_and_nothing_is_left_to_do(stack: Stack) -> None:
    code, told = run(stack.programs / "resonanz", "topics", "--json", folder=stack.etc)
    assert (code, '"problems":[]' in told) == (0, True), told


def test_kafkas_health_check_passes_while_it_listens(stack: Stack) -> None:
    words = compose.health_check("kafka")
    assert words is not None
    assert "/dev/tcp/127.0.0.1/9092" in words[-1]
    port = stack.kafka.url.rpartition(":")[2]
    asked = [word.replace("9092", port) for word in words]
    assert run(*asked)[0] == 0
    nobody = [word.replace("9092", "1") for word in words]
    assert run(*nobody)[0] != 0


def test_kafkas_variables_have_become_its_properties(stack: Stack) -> None:
    lines = stack.kafka.properties().splitlines()
    for line in (
        "process.roles=broker,controller",
        "auto.create.topics.enable=false",
        "transaction.state.log.min.isr=1",
        "offsets.topic.replication.factor=1",
    ):
        assert line in lines


def test_prometheus_scrapes_both_workers_with_the_token(stack: Stack) -> None:
    def up() -> bool:
        found = stack.ask_prometheus("query", query='up{job="resonanz"}')["result"]
        return [each["value"][1] for each in found] == ["1", "1"]

    wait_until(up, "both targets are up")

    def counted() -> int:
        found = stack.ask_prometheus("query", query="count(resonanz_account_info)")["result"]
        return int(found[0]["value"][1]) if found else 0

    wait_until(lambda: counted() == ACCOUNTS, f"{ACCOUNTS} accounts are there, not {counted()}")


def test_without_the_token_a_worker_and_the_wall_tell_nothing(stack: Stack) -> None:
    for address in (
        *(f"http://127.0.0.1:{port}/metrics" for port in stack.ports("worker")),
        *(f"http://127.0.0.1:{port}/api/v1/accounts" for port in stack.ports("wall")),
    ):
        with pytest.raises(urllib.error.HTTPError, match="401") as refused:
            urllib.request.urlopen(address, timeout=10)
        refused.value.close()


def test_each_service_of_our_image_has_run(stack: Stack) -> None:
    long_running = {name for name in compose.ours() if SERVICES[name]["restart"] != "no"}
    assert long_running == set(stack.processes) - {"prometheus"}
    assert set(SERVICES) - long_running == {"kafka", "topics", "prometheus", "grafana"}
