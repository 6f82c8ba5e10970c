"""Without any fault nothing is wrong, by every comparison; and each comparison sees what is."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.faults.comparison import in_the_log, wrong_figures, wrong_outcomes
from tests.faults.durable import wrong_audit, wrong_state
from tests.faults.fleet import Delivery, configure, worker
from tests.faults.load import KINDS, Load, hard_load
from tests.processes import free_port


def without_the_newest(load: Load) -> Load:
    """As if the last interaction had not been published, and a broken line had another fault."""
    newest = max(event["at_ms"] for event in load.events() if event["op"] == "add")
    stamp = b'"at_ms":%d' % newest
    lines = [one for one in load.lines if stamp not in one[2] or one[1] not in KINDS]
    assert len(lines) < len(load.lines)
    return replace(load, lines=lines, broken=load.broken | {next(iter(load.broken)): "too_large"})


@pytest.fixture
def load() -> Load:
    return hard_load(5, 5_000)


def test_nothing_is_wrong_without_a_fault(broker: Broker, tmp_path: Path, load: Load) -> None:
    config, port = configure(tmp_path, broker, load), free_port()
    broker.create_topics(4)
    other = without_the_newest(load)
    with Delivery(broker, load) as delivery, worker(config, port, name="worker") as process:
        delivery.deliver_all()
        delivery.end()
        assert wrong_figures(broker, load, [port]) == []
        assert wrong_outcomes(load, port, in_the_log(broker)) == []
        assert wrong_audit(config) == []
        assert "audit: 2: " in wrong_audit(tmp_path / "none.yaml")[0]
        seen = wrong_figures(broker, other, [port], seconds=1.0)
        for kind in ("kpis: ", "/metrics: ", "nobody published: ", "dead letter "):
            assert any(kind in one for one in seen), kind
        assert any("is exported twice" in one for one in wrong_figures(broker, load, [port, port]))
        assert len(wrong_outcomes(other, port, in_the_log(broker))) == 1
        assert len(wrong_outcomes(load, port, in_the_log(broker)[1:])) >= 1
        assert process.terminate() == 0, process.output()
    assert wrong_state(broker, load, config) == []
    assert wrong_state(broker, other, config)
