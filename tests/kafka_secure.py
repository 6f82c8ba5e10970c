"""An Apache Kafka as careful people run it: passwords, TLS, client certificates and an authorizer.

Beside the plain listener of :class:`KafkaServer`, whose nameless user may do everything, it has one for
each way to be let in. A user is known by the same name on all of them, and may do what ACLs say.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from resonanz_streams.acls import ROLES, Acl
from tests.kafka_server import KafkaServer, KafkaUnavailableError
from tests.processes import free_port, wait_until

USERS: Final = (*(f"resonanz-{role}" for role in ROLES), "resonanz")
PASSWORDS: Final[Mapping[str, str]] = {user: f"tr0ub4dor-{user}-3x" for user in USERS}
_LISTENERS: Final = {
    "PLAIN": "SASL_PLAINTEXT",
    "SCRAM": "SASL_SSL",
    "MUTUAL": "SSL",
    "EXPIRED": "SASL_SSL",
}
_SCRAM: Final = ("SCRAM-SHA-256", "SCRAM-SHA-512")
_LIFETIME_DAYS: Final = 2


class Certificates:
    """An authority, and what it has signed: a broker's certificate for 127.0.0.1, one that has expired, and
    one for each user. Beside it another authority that signed nothing."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            raise KafkaUnavailableError(
                "TLS is tested with openssl; install it with: apt-get install openssl"
            )
        self.folder = folder
        for name in ("ca", "other-ca"):
            self._openssl("req", "-x509", *self._new_key(name), "-out", f"{name}.pem", "-days", "2")
        self._sign("broker", _LIFETIME_DAYS)
        self._sign("expired", -1)
        for user in USERS:
            self._sign(user, _LIFETIME_DAYS)

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(
            ["openssl", *arguments], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")

    @staticmethod
    def _new_key(name: str) -> Sequence[str]:
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        return (*curve, "-keyout", f"{name}.key", "-subj", f"/CN={name}")

    def _sign(self, name: str, days: int) -> None:
        self._openssl("req", *self._new_key(name), "-out", f"{name}.csr")
        (self.folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
        self._openssl("x509", "-req", "-in", f"{name}.csr", *by, "-days", str(days), "-out", f"{name}.pem")
        parts = [(self.folder / f"{name}{ending}").read_text() for ending in (".key", ".pem")]
        (self.folder / f"{name}.store.pem").write_text("".join(parts))


class SecureKafka(KafkaServer):
    """Where each listener is: :meth:`plain`, :meth:`scram`, :meth:`mutual`, :meth:`expired`."""

    def __init__(self) -> None:
        self._secrets = Path(tempfile.mkdtemp(prefix="kafka-secrets-"))
        try:
            self.certificates = Certificates(self._secrets)
        except BaseException:
            shutil.rmtree(self._secrets)
            raise
        for user, password in PASSWORDS.items():
            (self._secrets / f"{user}.password").write_text(f"{password}\n")
        self._ports = {name: free_port() for name in _LISTENERS}
        super().__init__()

    def _more_properties(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        own = "".join(f",{name}://127.0.0.1:{port}" for name, port in self._ports.items())
        plain = f"PLAINTEXT://127.0.0.1:{self._port}"
        yield f"listeners={plain},CONTROLLER://127.0.0.1:{self._controller}{own}"
        yield f"advertised.listeners={plain}{own}"
        protocols = "".join(f",{name}:{protocol}" for name, protocol in _LISTENERS.items())
        yield f"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}"
        yield "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        yield "super.users=User:ANONYMOUS"
        known = " ".join(f'user_{user}="{password}"' for user, password in PASSWORDS.items())
        module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        yield "listener.name.plain.sasl.enabled.mechanisms=PLAIN"
        yield f"listener.name.plain.plain.sasl.jaas.config={module} {known};"
        for listener in ("scram", "expired"):
            yield f"listener.name.{listener}.sasl.enabled.mechanisms={','.join(_SCRAM)}"
            for mechanism in _SCRAM:
                module = "org.apache.kafka.common.security.scram.ScramLoginModule required"
                yield f"listener.name.{listener}.{mechanism.lower()}.sasl.jaas.config={module};"
        for listener in ("scram", "mutual", "expired"):
            certificate = "expired" if listener == "expired" else "broker"
            yield f"listener.name.{listener}.ssl.keystore.type=PEM"
            yield f"listener.name.{listener}.ssl.keystore.location={self._secrets}/{certificate}.store.pem"
            yield f"listener.name.{listener}.ssl.truststore.type=PEM"
            yield f"listener.name.{listener}.ssl.truststore.location={self._secrets}/ca.pem"
        yield "listener.name.mutual.ssl.client.auth=required"
        yield "ssl.principal.mapping.rules=RULE:^CN=(.*?)$/$1/"

    def _format_options(self) -> Sequence[str]:
        return [
            word
            for user, password in PASSWORDS.items()
            for mechanism in _SCRAM
            for word in ("--add-scram", f"{mechanism}=[name={user},password={password}]")
        ]

    def _url(self, listener: str, security: str, host: str = "127.0.0.1", **parameters: str) -> str:
        query = "".join(f"&{name}={value}" for name, value in parameters.items())
        return f"kafka://{host}:{self._ports[listener]}?security={security}{query}"

    def _login(self, user: str, password_file: Path | None = None) -> dict[str, str]:
        return {"username": user, "password_file": str(password_file or self._secrets / f"{user}.password")}

    def secret(self, name: str) -> str:
        """Where a file of the certificates' folder is."""
        return str(self._secrets / name)

    def plain(self, user: str, password_file: Path | None = None) -> str:
        """SASL PLAIN, nothing encrypted."""
        return self._url("PLAIN", "sasl_plaintext", **self._login(user, password_file))

    def scram(
        self,
        user: str,
        mechanism: str = "SCRAM-SHA-512",
        password_file: Path | None = None,
        *,
        ca: str = "ca.pem",
        host: str = "127.0.0.1",
        listener: str = "SCRAM",
    ) -> str:
        """SCRAM over TLS. ``listener`` EXPIRED: the broker's certificate is out of date."""
        login = {"mechanism": mechanism, **self._login(user, password_file), "ca": self.secret(ca)}
        return self._url(listener, "sasl_ssl", host, **login)

    def mutual(self, user: str | None) -> str:
        """TLS with this user's certificate, or without any."""
        own = {"cert": self.secret(f"{user}.pem"), "key": self.secret(f"{user}.key")} if user else {}
        return self._url("MUTUAL", "ssl", ca=self.secret("ca.pem"), **own)

    def allow(self, acls: Sequence[Acl]) -> None:
        """Exactly these ACLs are in force from now on."""
        client = KafkaAdminClient(bootstrap_servers=self.url.removeprefix("kafka://"))
        try:
            client.delete_acls([_everything()])
            if acls:
                client.create_acls([_of_the_driver(acl) for acl in acls])
            # One user may have several roles, and a right twice.
            wanted = {replace(acl, role="") for acl in acls}
            wait_until(
                lambda: len(client.describe_acls(_everything())[0]) == len(wanted), "they are in force"
            )
        finally:
            client.close()

    def __exit__(self, *error: object) -> None:
        super().__exit__(None, None, None)
        shutil.rmtree(self._secrets, ignore_errors=True)


def _everything() -> ACLFilter:
    any_pattern = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    return ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, any_pattern)


def _of_the_driver(acl: Acl) -> ACL:
    pattern = ResourcePattern(
        ResourceType[acl.resource.upper().replace("-", "_")],
        acl.name,
        ACLResourcePatternType[acl.pattern.upper()],
    )
    operation = ACLOperation[re.sub("(?<=.)([A-Z])", r"_\1", acl.operation).upper()]
    return ACL(acl.principal, "*", operation, ACLPermissionType.ALLOW, pattern)
