"""Two workers of one name on Apache Kafka: never do both show an account; the earlier ends, and says why."""

import threading
from pathlib import Path

import pytest
from tests.brokers import Broker
from tests.faults.watch import Watch
from tests.processes import Process, free_port, samples, wait_until

from resonanz_streams.clock import wall_ms
from resonanz_streams.events import Event, encode
from resonanz_streams.transports.ports import Outgoing

NAMES = [f"file:a{number}" for number in range(12)]
TOLD = (
    "another worker of this group is named same, too, and has taken this one's place; "
    "start one of the two with another name: resonanz worker --instance NAME"
)


def worker(folder: Path, name: str, port: int, instance: str) -> Process:
    words = ["-m", "resonanz_streams", "worker", "--port", str(port), "--instance", instance]
    return Process(words, folder / f"{name}.log", cwd=folder)


def configure(kafka: Broker, folder: Path) -> None:
    kafka.create_topics(4)
    (folder / "key").write_text("0123456789abcdef0123456789abcdef")
    (folder / "resonanz.yaml").write_text(
        f"broker: {kafka.url}\ntopic_prefix: {kafka.prefix}\ngroup: {kafka.prefix}g\n"
        f"pseudonym_key: file:key\nclients: {{a: {{name: A, accounts: {NAMES}}}}}\n"
    )


def like_all(kafka: Broker) -> None:
    now = wall_ms()
    likes = [Event(id=f"{name}-{now}", source="file", kind="like", account=name, at_ms=now) for name in NAMES]
    kafka.publish(*[Outgoing("likes", like.account.encode(), encode(like)) for like in likes])


def like_on(kafka: Broker, stopped: threading.Event) -> None:
    while not stopped.wait(0.1):
        like_all(kafka)


def owned(port: int) -> int:
    return int(sum((samples(port, "resonanz_partitions_owned") or {}).values()))


def shows_all(watch: Watch, name: str) -> bool:
    newest = watch.newest().get(name)
    return newest is not None and newest.ready and newest.accounts == set(NAMES)


def look_on(watch: Watch, looks: int) -> None:
    seen = len(watch.looks())
    wait_until(lambda: len(watch.looks()) > seen + looks, "a while has been looked at")


@pytest.mark.parametrize("busy", [False, True])
def test_of_two_of_one_name_the_earlier_ends_and_never_do_both_show_an_account(
    busy: bool, kafka: Broker, tmp_path: Path
) -> None:
    configure(kafka, tmp_path)
    like_all(kafka)
    ports, stopped = (free_port(), free_port()), threading.Event()
    liking = threading.Thread(target=like_on, args=(kafka, stopped), daemon=True)
    try:
        with Watch() as watch, worker(tmp_path, "one", ports[0], "same") as one:
            watch.join("one", ports[0])
            wait_until(lambda: shows_all(watch, "one"), "the first shows all")
            if busy:
                liking.start()
            with worker(tmp_path, "two", ports[1], "same") as two:
                watch.join("two", ports[1])
                look_on(watch, 150)
                assert watch.exported_twice() == []
                wait_until(lambda: one.process.poll() is not None, "the one whose name was taken ends")
                wait_until(lambda: shows_all(watch, "two"), "the other shows all")
                look_on(watch, 60)
                assert one.process.poll() == 1
                assert two.process.poll() is None, "else both would end"
                assert TOLD in one.output()
                assert watch.exported_twice() == []
                assert "Traceback" not in one.output() + two.output()
    finally:
        stopped.set()
        if liking.is_alive():
            liking.join()


def test_workers_of_two_names_share(kafka: Broker, tmp_path: Path) -> None:
    configure(kafka, tmp_path)
    ports = free_port(), free_port()
    with (
        worker(tmp_path, "one", ports[0], "same") as one,
        worker(tmp_path, "two", ports[1], "other") as two,
    ):
        wait_until(lambda: (owned(ports[0]), owned(ports[1])) == (2, 2), "they share")
        assert one.terminate() == 0, one.output()
        assert two.terminate() == 0, two.output()
