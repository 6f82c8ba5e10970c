"""Who listens where this machine's worker and wall should: they themselves, others, nobody."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from tests.brokers import Broker
from tests.contracts.test_doctor import diagnosis, well, wrong
from tests.wall.walls import RunningWall

from resonanz_streams.settings import settings_of


@pytest.fixture
def place(broker: Broker) -> Broker:
    broker.create_topics()
    return broker


@contextlib.contextmanager
def serving(answers: dict[str, str]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answers.get(self.path, "").encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_port_that_another_program_has(place: Broker) -> None:
    with serving({"/healthz": "I am a printer"}) as port:
        findings = diagnosis(place, ports=[("wall", port)])
        assert wrong(findings, f"port {port}") == [
            ("warn", "another program listens there", f"resonanz wall --port {port + 1}")
        ]
    assert well(diagnosis(place, ports=[("wall", port)]), f"port {port}")


def test_programs_that_answer_as_ours_do_are_not_ours(place: Broker) -> None:
    for health in ('{"status":"ok"}', "still alive"):
        with serving({"/healthz": health}) as port:
            findings = diagnosis(place, ports=[("wall", port)])
        assert wrong(findings, f"port {port}") == [
            ("warn", "another program listens there", f"resonanz wall --port {port + 1}")
        ]


@pytest.mark.parametrize("listen_on", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  # it only decides about tokens
def test_our_wall_is_known(place: Broker, listen_on: str) -> None:
    settings = settings_of(
        {"pseudonym_key": "${KEY}", "wall": {"agency_token": "${KEY}"}},
        environment={"KEY": "0123456789abcdef"},
    )
    with RunningWall(settings, listen_on) as wall:
        findings = diagnosis(place, ports=[("wall", wall.port), ("worker", wall.port)])
    told = [(one.level, one.what, one.mend) for one in findings if one.subject == f"port {wall.port}"]
    assert told == [
        ("ok", "the wall answers", ""),
        ("warn", "a wall listens there", f"resonanz worker --port {wall.port + 1}"),
    ]


def test_a_changed_configuration_that_was_refused(place: Broker) -> None:
    metrics = "resonanz_configuration_last_reload_successful "
    for value, told in (("1.0", []), ("0.0", ["resonanz check"])):
        with serving({"/healthz": "alive\n", "/metrics": f"{metrics}{value}\n"}) as port:
            findings = diagnosis(place, ports=[("worker", port)])
        assert [
            one.mend for one in findings if one.subject == "configuration" and one.level == "warn"
        ] == told


def test_what_a_worker_has_lost(place: Broker) -> None:
    metrics = (
        'resonanz_lost_records_total{partition="2"} 7.0\nresonanz_lost_records_total{partition="3"} 0.0\n'
    )
    with serving({"/healthz": "alive\n", "/metrics": metrics}) as port:
        findings = diagnosis(place, ports=[("worker", port)])
    ((level, what, mend),) = wrong(findings, "lost records")
    assert level == "fail"
    assert what == "7 records of partition 2 were removed before this worker counted them"
    assert "longer retention.ms" in mend
