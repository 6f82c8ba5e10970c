"""Two workers of one name on Apache Kafka: both say it and what to do, and one that is left counts on."""

from pathlib import Path

from tests.brokers import Broker
from tests.processes import Process, free_port, samples, wait_until

TOLD = "another worker of this group is named same, too, and takes this one's place"


def worker(folder: Path, name: str, port: int, instance: str) -> Process:
    words = ["-m", "resonanz_streams", "worker", "--port", str(port), "--instance", instance]
    return Process(words, folder / f"{name}.log", cwd=folder)


def owned(port: int) -> int:
    return int(sum((samples(port, "resonanz_partitions_owned") or {}).values()))


def test_two_of_one_name_say_so_and_with_two_names_they_share(kafka: Broker, tmp_path: Path) -> None:
    kafka.create_topics(4)
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef")
    (tmp_path / "resonanz.yaml").write_text(
        f"broker: {kafka.url}\ntopic_prefix: {kafka.prefix}\ngroup: {kafka.prefix}g\n"
        "pseudonym_key: file:key\nclients: {a: {name: A, accounts: ['file:a']}}\n"
    )
    ports = free_port(), free_port()
    with worker(tmp_path, "one", ports[0], "same") as one:
        wait_until(lambda: owned(ports[0]) == 4, "the first owns all")
        with worker(tmp_path, "two", ports[1], "same") as two:
            wait_until(lambda: TOLD in one.output() and TOLD in two.output(), "both say it")
            assert "start one of the two with another name: resonanz worker --instance NAME" in two.output()
            assert two.terminate() == 0, two.output()
        wait_until(lambda: owned(ports[0]) == 4, "the one that is left owns all")
        with worker(tmp_path, "three", ports[1], "other") as three:
            wait_until(lambda: (owned(ports[0]), owned(ports[1])) == (2, 2), "they share")
            assert three.terminate() == 0, three.output()
        assert one.terminate() == 0, one.output()
