"""A Kafka URL taken apart, and what is wrong with others; no secret ever shows."""

from pathlib import Path

import pytest
from yarl import URL

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.settings import load_settings, settings_of
from resonanz_streams.transports.kafka_url import faust_urls, from_faust, parse


def test_a_host_alone_means_plain_text_on_the_usual_port() -> None:
    assert parse("kafka://broker").client_settings() == {
        "bootstrap_servers": ["broker:9092"],
        "security_protocol": "PLAINTEXT",
    }


def test_several_hosts_and_ipv6() -> None:
    assert parse("kafka://a:9093,b,[::1]:9094/").servers == ("a:9093", "b:9092", "[::1]:9094")


def test_a_password_is_read_from_its_file_and_shows_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("tr0ub4dor\n")
    url = f"kafka://a?security=sasl_plaintext&mechanism=SCRAM-SHA-512&username=u&password_file={tmp_path}/secret"
    target = parse(url)
    settings = target.client_settings()
    assert settings["sasl_plain_password"] == "tr0ub4dor"
    assert (settings["security_protocol"], settings["sasl_mechanism"]) == ("SASL_PLAINTEXT", "SCRAM-SHA-512")
    assert "tr0ub4dor" not in f"{target} {target!r} {target.away()} {faust_urls(target)}"


def test_tls_verifies_the_broker() -> None:
    settings = parse("kafka://a?security=ssl").client_settings()
    assert settings["ssl_context"].check_hostname


def test_faust_is_given_a_url_for_each_host_and_they_come_back_as_one() -> None:
    target = parse("kafka://a,[::1]:9094?security=sasl_ssl&username=u&password_file=/run/a b/ä")
    urls = faust_urls(target)
    assert urls[0].startswith("kafka://a:9092?security=sasl_ssl")
    assert from_faust([URL(url) for url in urls]) == target
    assert from_faust([URL("kafka://a")]) == parse("kafka://a")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("kafka://", "write kafka://host:9092"),
        ("kafka:///", "write kafka://host:9092"),
        ("sqlite:///x.db", "write kafka://host:9092"),
        ("kafka://a:x", "'a:x' is no host:port"),
        ("kafka://a,,b", "'' is no host:port"),
        ("kafka://a/b", "'a/b' is no host:port"),
        ("kafka://user:hunter2@a", "must not stand before the host"),
        ("kafka://a?password=hunter2", "write password_file"),
        ("kafka://a?colour=red", "known are security, mechanism"),
        ("kafka://a?security=tls", "security must be one of plaintext, ssl"),
        ("kafka://a?security=sasl_ssl&username=u", "needs password_file="),
        ("kafka://a?security=sasl_ssl&password_file=/x", "needs username="),
        ("kafka://a?security=ssl&mechanism=KERBEROS", "mechanism must be one of PLAIN"),
        (
            "kafka://a?security=sasl_ssl&username=u&password_file=\udc90",
            "holds half a character; write the URL as UTF-8 text",
        ),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(url)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    missing = f"kafka://a?security=sasl_plaintext&username=u&password_file={tmp_path}/none"
    with pytest.raises(ConfigurationError, match=r"password_file .*none cannot be read"):
        parse(missing).client_settings()
    with pytest.raises(ConfigurationError, match=r"no\.pem cannot be used for TLS"):
        parse(f"kafka://a?security=ssl&ca={tmp_path}/no.pem").client_settings()


def test_the_configuration_says_what_is_wrong_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "resonanz.yaml"
    path.write_text("partitions: 4\nbroker: kafka://a?password=hunter2\n")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {})
    assert "resonanz.yaml:2" in str(caught.value)
    assert "write password_file" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_files_are_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "my secret").write_text("tr0ub4dor")
    settings = settings_of(
        {"broker": "kafka://a?security=sasl_plaintext&username=u%26v&password_file=my secret"},
        folder=tmp_path,
    )
    client = parse(settings.broker).client_settings()
    assert (client["sasl_plain_username"], client["sasl_plain_password"]) == ("u&v", "tr0ub4dor")
