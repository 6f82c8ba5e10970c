"""Why Kafka does not let us in, or forbids what we ask: each as a sentence that says what to do.

The drivers tell all of it as "unable to bootstrap", and leave the sockets of such attempts open. So one
connection is made by hand before theirs.
"""

import asyncio
import socket
import ssl
from typing import Final

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from resonanz_streams.errors import ConfigurationError, ResonanzError, RetryError, StopError
from resonanz_streams.transports.kafka_url import KafkaTarget

_SECONDS: Final = 5.0
_GOODBYE_SECONDS: Final = 1.0
_AWAY: Final = (TimeoutError, KafkaConnectionError, NodeNotReadyError, RequestTimedOutError)
_FORBIDDEN: Final = (
    TopicAuthorizationFailedError,
    GroupAuthorizationFailedError,
    ClusterAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
_LOGIN: Final = (
    AuthenticationFailedError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    IllegalSaslStateError,
)
_EXPIRED: Final = (9, 10)
_OTHER_HOST: Final = (62, 64)
"""OpenSSL's X509_V_ERR_…: not yet valid, expired; host name and address mismatch."""

_CERTIFICATE_ALERTS: Final = ("BAD_CERTIFICATE", "CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE", "UNKNOWN_CA")


async def reach(target: KafkaTarget) -> None:
    """Be let in by one of the brokers.

    Raises:
        ConfigurationError: what of the broker's URL, or of the files it names, must be another.
        RetryError: none answers.
    """
    failures: list[ResonanzError] = []
    for server in target.servers:
        try:
            await _knock(target, server)
        except (OSError, KafkaError, TimeoutError) as error:
            failures.append(_sentence(target, server, error))
        else:
            return
    raise next((one for one in failures if isinstance(one, ConfigurationError)), failures[0])


async def _knock(target: KafkaTarget, server: str) -> None:
    host, _, port = server.rpartition(":")
    settings = target.client_settings()
    del settings["bootstrap_servers"]
    connection = AIOKafkaConnection(
        host.strip("[]"), int(port), request_timeout_ms=_SECONDS * 1000, **settings
    )
    try:
        async with asyncio.timeout(_SECONDS):
            await connection.connect()
            # A broker that wants a password lets anybody ask for its version, and nothing else.
            await connection.send(MetadataRequest([]))
    finally:
        closed = connection.close()
        if connection._protocol is not None:  # noqa: SLF001  # else it was never open
            # TLS says goodbye; a loop that ends before leaves its socket open.
            await asyncio.wait({closed}, timeout=_GOODBYE_SECONDS)


def _sentence(target: KafkaTarget, server: str, error: Exception) -> ResonanzError:
    if isinstance(error, socket.gaierror):
        host = server.rpartition(":")[0]
        return RetryError(
            f"there is no host {host} ({error.strerror}); correct broker, or ask who runs its DNS"
        )
    if isinstance(error, ssl.SSLError):
        return _about_tls(server, error)
    if isinstance(error, _LOGIN):
        return ConfigurationError(f"broker: {_about_login(target, server, error)}")
    if isinstance(error, KafkaConnectionError | ConnectionResetError):
        return _hung_up(target, server, error)
    return target.away()


def _about_login(target: KafkaTarget, server: str, error: Exception) -> str:
    if isinstance(error, UnsupportedSaslMechanismError):
        return (
            f"{server} does not take mechanism {target.mechanism}; write another as mechanism=… "
            "(PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512)"
        )
    if isinstance(error, IllegalSaslStateError):
        return (
            f"{server} asks for no password; write security={target.security.replace('sasl_', '')}, "
            "or the port of its SASL listener"
        )
    user, file = target.parameters["username"], target.parameters["password_file"]
    return (
        f"{server} refuses user {user}: the name or the password is not known there; "
        f"correct username, or write the right password into {file}"
    )


def _about_tls(server: str, error: ssl.SSLError) -> ResonanzError:
    code = getattr(error, "verify_code", None)
    if code in _EXPIRED:
        return ConfigurationError(
            f"broker: the certificate of {server} has expired or is not valid yet; have it renewed "
            "there, and look at this machine's clock"
        )
    if code in _OTHER_HOST:
        return ConfigurationError(
            f"broker: the certificate of {server} is not for that name; write the name that stands in it, or "
            "have one made for this name"
        )
    if code is not None:
        return ConfigurationError(
            f"broker: nobody we know has signed the certificate of {server}; write ca=/path/of/its/ca.pem"
        )
    return ConfigurationError(
        f"broker: {server} does not speak TLS with us ({error.reason}); write security without ssl, or "
        "the port of its TLS listener"
    )


def _hung_up(target: KafkaTarget, server: str, error: Exception) -> ResonanzError:
    cause = error.__cause__ or error.__context__
    reason = str(getattr(cause, "reason", ""))
    if target.security.endswith("ssl") and any(alert in reason for alert in _CERTIFICATE_ALERTS):
        if "cert" in target.parameters:
            return ConfigurationError(
                f"broker: {server} does not trust the certificate in {target.parameters['cert']}; write cert "
                "and key of one that it trusts"
            )
        return ConfigurationError(
            f"broker: {server} wants a certificate of ours; write cert=/path/of/cert.pem&key=/path/of/key.pem"
        )
    return RetryError(
        f"Kafka does not answer at {server} with security={target.security}: it ends the connection; it may "
        "be starting, else write the security that its listener has"
    )


def is_forbidden(error: BaseException) -> bool:
    """Whether the cluster does not allow something; aiokafka's producer hides it behind another error."""
    return isinstance(error, _FORBIDDEN) or isinstance(error.__cause__, _FORBIDDEN)


def forbidden(target: KafkaTarget, error: BaseException) -> StopError:
    """What to tell when the cluster does not allow something."""
    what = error.__cause__ if isinstance(error.__cause__, _FORBIDDEN) else error
    return StopError(
        f"Kafka at {target} does not allow this user to do what is needed ({what}); give it the rights that "
        "are listed by: resonanz topics --acls"
    )


async def told(target: KafkaTarget, error: Exception) -> ResonanzError:
    """The driver's error as a sentence; when it only says that nobody answers, it is looked why."""
    if isinstance(error, ResonanzError):
        return error
    if is_forbidden(error):
        return forbidden(target, error)
    # The bare class is "unable to get metadata from any broker".
    if not isinstance(error, _AWAY) and type(error) is not KafkaError:
        return RetryError(f"Kafka at {target} failed: {error}")
    try:
        await reach(target)
    except ResonanzError as reason:
        return reason
    return target.away()
