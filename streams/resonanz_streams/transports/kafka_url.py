"""``kafka://host:9092,host2:9092?security=…`` and what Kafka's two drivers make of it.

A secret never stands in the URL, so the URL may stand in logs and errors.
"""

import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from resonanz_streams.errors import ConfigurationError, RetryError

DEFAULT_PORT: Final = 9092
_SECURITY: Final = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_FILES: Final = ("password_file", "ca", "cert", "key")
_PARAMETERS: Final = ("security", "mechanism", "username", *_FILES)


@dataclass(frozen=True, slots=True)
class KafkaTarget:
    """A cluster: some of its brokers, and how to be let in."""

    servers: tuple[str, ...]
    parameters: Mapping[str, str]

    def __str__(self) -> str:
        return ",".join(self.servers)

    @property
    def query(self) -> str:
        """The part of the URL after the question mark, with it."""
        text = urlencode(self.parameters, safe="/")
        return f"?{text}" if text else ""

    @property
    def url(self) -> str:
        """Another way to write it, with every port."""
        return f"kafka://{self}{self.query}"

    @property
    def security(self) -> str:
        """How its listener lets in: plaintext, ssl, sasl_plaintext or sasl_ssl."""
        return self.parameters.get("security", "plaintext")

    @property
    def mechanism(self) -> str:
        """How the password is shown."""
        return self.parameters.get("mechanism", "PLAIN")

    def beside(self, folder: Path) -> "KafkaTarget":
        """The same; relative paths in it mean files in ``folder``."""
        paths = {name: str(folder / path) for name, path in self.parameters.items() if name in _FILES}
        return replace(self, parameters={**self.parameters, **paths})

    def away(self) -> RetryError:
        """What to tell when the cluster does not answer."""
        return RetryError(
            f"Kafka does not answer at {self}; start it, or correct broker in the configuration; "
            "it is used again once it answers"
        )

    def lacks(self, topic: str) -> str:
        """What to tell of a topic that cannot be seen."""
        if self.security == "plaintext":
            return f"topic {topic} does not exist; make it with: resonanz topics --create"
        return (
            f"topic {topic} does not exist, or this user may not see it; make it with: "
            "resonanz topics --create, or give the rights that are listed by: resonanz topics --acls"
        )

    def altering(self, topic: str) -> str:
        """The command that changes a setting of a topic; the setting is still to be added."""
        return (
            f"kafka-configs.sh --bootstrap-server {self} --alter --entity-type topics --entity-name {topic} "
            "--add-config"
        )

    def client_settings(self) -> dict[str, Any]:
        """Keyword arguments of aiokafka's and kafka-python's clients alike.

        Raises:
            ConfigurationError: a file that the URL names cannot be used.
        """
        quiet()
        security = self.security
        settings: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "security_protocol": security.upper(),
        }
        if security.endswith("ssl"):
            settings["ssl_context"] = self._ssl_context()
        if security.startswith("sasl"):
            settings["sasl_mechanism"] = self.mechanism
            settings["sasl_plain_username"] = self.parameters["username"]
            settings["sasl_plain_password"] = self.password()
        return settings

    def password(self) -> str | None:
        """What stands in the password's file; None where none is needed.

        Raises:
            ConfigurationError: it cannot be read.
        """
        if not self.security.startswith("sasl"):
            return None
        path = self.parameters["password_file"]
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"broker: password_file {path} cannot be read ({type(error).__name__})"
            ) from None

    def _ssl_context(self) -> ssl.SSLContext:
        names = {name: self.parameters[name] for name in ("ca", "cert", "key") if name in self.parameters}
        try:
            context = ssl.create_default_context(cafile=names.get("ca"))
            if "cert" in names:
                context.load_cert_chain(names["cert"], names.get("key"))
        except (OSError, ssl.SSLError) as error:
            files = ", ".join(names.values())
            raise ConfigurationError(
                f"broker: {files} cannot be used for TLS ({type(error).__name__}); "
                "ca, cert and key must be files in PEM format"
            ) from None
        return context


def quiet() -> None:
    """The drivers log every attempt to connect, with tracebacks; we say it once, in a sentence."""
    for name in ("aiokafka", "kafka"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def parse(url: str) -> KafkaTarget:
    """Take a broker URL apart.

    Raises:
        ConfigurationError: what is wrong and what to write instead; never with the text of a secret.
    """
    try:
        url.encode()
    except UnicodeEncodeError:
        raise ConfigurationError("broker: holds half a character; write the URL as UTF-8 text") from None
    scheme, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    if scheme != "kafka" or not place.strip("/"):
        raise ConfigurationError("broker: names no Kafka; write kafka://host:9092")
    if "@" in place:
        raise ConfigurationError(
            "broker: a user or a secret must not stand before the host; "
            "write ?security=sasl_ssl&username=…&password_file=/path/of/the/secret"
        )
    servers = tuple(_server(part) for part in place.rstrip("/").split(","))
    return KafkaTarget(servers, _checked(dict(parse_qsl(query, keep_blank_values=True))))


def _server(text: str) -> str:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host, port = None, 0
    if not host or parts.path:
        raise ConfigurationError(f"broker: {text!r} is no host:port; write kafka://host:9092,host2:9092")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _checked(parameters: dict[str, str]) -> dict[str, str]:
    for name in parameters:
        if name not in _PARAMETERS:
            hint = "; a secret must not stand here, write password_file" if "pass" in name else ""
            raise ConfigurationError(
                f"broker: parameter {name!r} is not known{hint}; known are {', '.join(_PARAMETERS)}"
            )
    security = parameters.get("security", "plaintext")
    if security not in _SECURITY:
        raise ConfigurationError(f"broker: security must be one of {', '.join(_SECURITY)}")
    if parameters.get("mechanism", "PLAIN") not in _MECHANISMS:
        raise ConfigurationError(f"broker: mechanism must be one of {', '.join(_MECHANISMS)}")
    needed = ("username", "password_file") if security.startswith("sasl") else ()
    for name in needed:
        if not parameters.get(name):
            raise ConfigurationError(f"broker: security={security} needs {name}=… in the URL")
    return parameters


def faust_urls(target: KafkaTarget) -> list[str]:
    """As Faust wants several brokers: one URL each."""
    return [f"kafka://{server}{target.query}" for server in target.servers]


def from_faust(urls: Sequence[object]) -> KafkaTarget:
    """The target that :func:`faust_urls` was made from; a single URL of ours is one, too."""
    places = [str(url).partition("://")[2] for url in urls]
    query = places[0].partition("?")[2]
    hosts = ",".join(place.partition("?")[0].rstrip("/") for place in places)
    return parse(f"kafka://{hosts}?{query}")
