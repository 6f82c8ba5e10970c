"""The wall as a process of its own, started before there is anything to show."""

import json
import urllib.error
import urllib.request
from pathlib import Path

from tests.processes import Process, free_port, get, wait_until
from tests.wall.figures import record, snapshot
from tests.wall.test_access import AGENCY, BAKERY, WITH_TOKENS

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.clock import wall_ms
from resonanz_streams.topics import KPIS, TOPICS
from resonanz_streams.transports.brokers import open_admin
from resonanz_streams.transports.ports import Outgoing

BLUESKY = "bluesky:did:plc:abc"


def state_of(port: int) -> str:
    """How the first account is."""
    answer = get(f"http://127.0.0.1:{port}/api/v1/accounts")
    return str(json.loads(answer)["accounts"][0]["state"]) if answer else ""


def publish_figures(broker: str) -> None:
    """As a worker does, topics first."""
    admin = open_admin(broker)
    admin.ensure(list(TOPICS.values()), 4)
    admin.close()
    shot = record(snapshot(BLUESKY, wall_ms()))
    publisher = open_publisher(broker)
    publisher.publish([Outgoing(KPIS, shot.key, shot.value)])
    publisher.close()


def test_it_starts_before_its_database_and_goes_live_with_the_first_figures(tmp_path: Path) -> None:
    broker, port = f"sqlite:///{tmp_path}/later/resonanz.db", free_port()
    files = {"agency": AGENCY, "bakery": BAKERY}
    for name, token in files.items():
        (tmp_path / name).write_text(token)
    text = WITH_TOKENS.replace("${BAKERY}", "file:bakery").replace("${AGENCY}", "file:agency")
    (tmp_path / "resonanz.yaml").write_text(f"broker: {broker}\n{text}")
    words = [
        "-m",
        "resonanz_streams",
        "wall",
        "--config",
        str(tmp_path / "resonanz.yaml"),
        "--port",
        str(port),
    ]
    with Process(words, tmp_path / "log", cwd=tmp_path) as process:
        wait_until(lambda: state_of(port) == "no_data", "the wall answers without a database")
        publish_figures(broker)
        wait_until(lambda: state_of(port) == "ok", "the first figures are shown")
        for token in (AGENCY, "nobody-knows-this-token"):
            asked = urllib.request.Request(
                f"http://127.0.0.1:{port}/api/v1/clients", headers={"Authorization": f"Bearer {token}"}
            )
            try:
                urllib.request.urlopen(asked, timeout=5).close()
            except urllib.error.HTTPError as error:
                error.close()
        assert process.terminate() == 0
        output = process.output()
        assert "Traceback" not in output
        assert not [it for it in (AGENCY, BAKERY, "nobody-knows") if it in output]
