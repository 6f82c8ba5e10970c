"""Everything that can be wrong on the way into a cluster ends in a sentence that says what to do."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from tests.kafka_secure import PASSWORDS, SecureKafka
from tests.processes import Process, free_port, get, wait_until
from tests.secure.conftest import Configure

from resonanz_connectors.publisher import open_publisher
from resonanz_streams.errors import ConfigurationError, ResonanzError, RetryError
from resonanz_streams.transports.brokers import open_admin, open_tail
from resonanz_streams.transports.ports import Outgoing

WRONG: Final = "wr0ng-and-secret"

Url = Callable[[SecureKafka, Path], str]
REFUSED: Final[dict[str, tuple[Url, str]]] = {
    "wrong PLAIN password": (
        lambda kafka, wrong: kafka.plain("resonanz", wrong),
        r"refuses user resonanz: .* write the right password into .*wrong",
    ),
    "wrong SCRAM-SHA-256 password": (
        lambda kafka, wrong: kafka.scram("resonanz", "SCRAM-SHA-256", wrong),
        r"refuses user resonanz: .* write the right password into .*wrong",
    ),
    "wrong SCRAM-SHA-512 password": (
        lambda kafka, wrong: kafka.scram("resonanz", "SCRAM-SHA-512", wrong),
        r"refuses user resonanz: .* write the right password into .*wrong",
    ),
    "unknown user": (
        lambda kafka, wrong: kafka.plain("nobody", wrong),
        r"refuses user nobody: .* correct username",
    ),
    "mechanism that is not offered": (
        lambda kafka, _: f"{kafka.plain('resonanz')}&mechanism=SCRAM-SHA-256",
        r"does not take mechanism SCRAM-SHA-256; write another as mechanism=",
    ),
    "expired certificate": (
        lambda kafka, _: kafka.scram("resonanz", listener="EXPIRED"),
        r"has expired or is not valid yet; have it renewed",
    ),
    "unknown authority": (
        lambda kafka, _: kafka.scram("resonanz", ca="other-ca.pem"),
        r"nobody we know has signed the certificate of .*; write ca=",
    ),
    "other host name": (
        lambda kafka, _: kafka.scram("resonanz", host="localhost"),
        r"the certificate of localhost:\d+ is not for that name; write the name that stands in it",
    ),
    "no client certificate": (
        lambda kafka, _: kafka.mutual(None),
        r"wants a certificate of ours; write cert=/path/of/cert\.pem&key=",
    ),
    "password where none is wanted": (
        lambda kafka, _: f"{kafka.url}?{kafka.plain('resonanz').partition('?')[2]}",
        r"asks for no password; write security=plaintext",
    ),
}
UNANSWERED: Final[dict[str, Url]] = {
    "TLS where none is spoken": lambda kafka, _: kafka.plain("resonanz").replace(
        "sasl_plaintext", "sasl_ssl"
    ),
    "plain text where TLS is spoken": lambda kafka, _: kafka.mutual(None).partition("?")[0],
    "no password where one is wanted": lambda kafka, _: kafka.plain("resonanz").partition("?")[0],
}


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong"
    path.write_text(WRONG)
    return path


def administer(url: str) -> None:
    open_admin(url).close()


def publish(url: str) -> None:
    publisher = open_publisher(url)
    try:
        publisher.publish([Outgoing("likes", b"a:1", b"{}")])
    finally:
        publisher.close()


def follow(url: str) -> None:
    async def polled() -> None:
        tail = open_tail(url, ["kpis"])
        try:
            await tail.poll(0.1)
        finally:
            await tail.close()

    asyncio.run(polled())


@pytest.mark.parametrize("case", REFUSED)
def test_who_is_refused_learns_what_to_write_instead(
    secure_kafka: SecureKafka, wrong: Path, case: str
) -> None:
    url, sentence = REFUSED[case]
    for way in (administer, publish, follow):
        with pytest.raises(ConfigurationError, match=sentence) as caught:
            way(url(secure_kafka, wrong))
        assert WRONG not in str(caught.value)
        assert not [secret for secret in PASSWORDS.values() if secret in str(caught.value)]


@pytest.mark.parametrize("case", UNANSWERED)
def test_another_security_than_the_listeners_is_a_guess_and_may_heal(
    secure_kafka: SecureKafka, wrong: Path, case: str
) -> None:
    for way in (administer, publish, follow):
        with pytest.raises(RetryError, match=r"it ends the connection; .* write the security that"):
            way(UNANSWERED[case](secure_kafka, wrong))


def test_a_host_that_does_not_exist_is_named() -> None:
    with pytest.raises(RetryError, match=r"there is no host kafka\.invalid .*; correct broker"):
        administer("kafka://kafka.invalid:9092")


@pytest.mark.parametrize(
    "command", [("worker",), ("connect",), ("topics", "--create"), ("query", "simulated:a")]
)
def test_every_command_ends_with_the_sentence_and_without_the_secret(
    secure_kafka: SecureKafka, configure: Configure, wrong: Path, command: tuple[str, ...]
) -> None:
    config = configure(secure_kafka.scram("resonanz", password_file=wrong))
    port = ("--port", str(free_port())) if command == ("worker",) else ()
    words = [sys.executable, "-m", "resonanz_streams", *command, *port, "--config", str(config)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "refuses user resonanz" in done.stderr
    assert "Traceback" not in done.stderr
    assert WRONG not in done.stdout + done.stderr


def test_the_wall_stays_and_shows_the_sentence(
    secure_kafka: SecureKafka, configure: Configure, tmp_path: Path, wrong: Path
) -> None:
    config = configure(secure_kafka.scram("resonanz", password_file=wrong))
    port = free_port()
    words = ["-m", "resonanz_streams", "wall", "--port", str(port), "--config", str(config)]
    with Process(words, tmp_path / "wall.log") as wall:
        wait_until(lambda: "refuses user resonanz" in wall.output(), "the wall says why it has no figures")
        shown = get(f"http://127.0.0.1:{port}/api/v1/accounts")
        assert shown is not None
        assert WRONG not in shown + wall.output()
        assert wall.terminate() == 0


def test_what_is_forbidden_is_named_with_the_list_of_rights(secure_kafka: SecureKafka) -> None:
    def denied(way: Callable[[str], None]) -> str:
        with pytest.raises(ResonanzError) as caught:
            way(secure_kafka.plain("resonanz"))
        return str(caught.value)

    secure_kafka.allow(())
    assert "give it the rights that are listed by: resonanz topics --acls" in denied(publish)
