"""Connectors, clocks, this machine, and who may look. One function a check."""

import http.client
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from resonanz_streams.doctor.findings import Finding, Level
from resonanz_streams.doctor.patient import Patient
from resonanz_streams.transports.brokers import scheme_of

STALE_MS: Final = 60_000
SKEW_MS: Final = 5_000
LITTLE_BYTES: Final = 1_000_000_000
NO_BYTES: Final = 100_000_000
SHORTEST_TOKEN: Final = 20
_LAST_PORT: Final = 65_535
_ANOTHER: Final = "another program"
_RELOADED: Final = "resonanz_configuration_last_reload_successful"
_DAY_MS: Final = 86_400_000
_SET_CLOCK: Final = "timedatectl set-ntp true"


def connectors(patient: Patient) -> Iterator[Finding]:
    """Each that has accounts was heard of lately, and says that it is well."""
    now, found = patient.clock(), 0
    for account in patient.registry.accounts.values():
        if account.connector not in patient.connectors:
            continue
        subject, mend = f"{account.connector}/{account.id}", f"resonanz connect {account.connector}"
        status = patient.statuses.get(subject)
        problem = ""
        if status is None:
            problem = "was never heard of"
        elif status.state == "down" or (not status.ended and now - status.at_ms > STALE_MS):
            problem = f"is {'down' if status.state == 'down' else 'silent'} since {_ago(now - status.at_ms)}"
            problem += "".join(f", {count:,} {reason}" for reason, count in status.errors.items())
        elif status.state == "degraded":
            yield Finding("warn", subject, "is degraded: " + (", ".join(status.errors) or "no reason"), mend)
        if problem:
            found += 1
            yield Finding("fail", subject, problem, mend)
    if not found:
        yield Finding("ok", "connectors", "all that have accounts were heard of lately")


def _ago(milliseconds: int) -> str:
    seconds = max(0, milliseconds // 1000)
    return f"{seconds} s" if seconds < 600 else f"{seconds // 60:,} min"


def credentials(patient: Patient) -> Iterator[Finding]:
    """None of the platforms' has expired or soon will."""
    now, found = patient.clock(), 0
    for subject, status in sorted(patient.statuses.items()):
        expires = status.credential_expires_ms
        if expires is None or expires - now > 7 * _DAY_MS:
            continue
        found += 1
        gone = expires <= now
        when = f"expired {_ago(now - expires)} ago" if gone else f"expires in {_ago(expires - now)}"
        yield Finding(
            "fail" if gone else "warn",
            subject,
            f"its credential {when}",
            f"renew it at the platform, then: resonanz connect {status.connector}",
        )
    if not found:
        yield Finding("ok", "credentials", "none expires within a week")


def clocks(patient: Patient) -> Iterator[Finding]:
    """This machine's clock agrees with those that write."""
    now = patient.clock()
    written = patient.exam.written_ms()
    heard = max((status.at_ms for status in patient.statuses.values() if not status.ended), default=None)
    ahead = max(written or 0, heard or 0) - now
    if ahead > SKEW_MS:
        yield Finding("fail", "clock", f"this machine's is {_ago(ahead)} behind what was written", _SET_CLOCK)
        return
    if heard is not None and -ahead > SKEW_MS and scheme_of(patient.settings.broker) == "kafka":
        came = patient.next_heartbeat_ms()
        if came is not None and patient.clock() - came > SKEW_MS:
            late = _ago(patient.clock() - came)
            yield Finding("fail", "clock", f"this machine's is {late} ahead of the connectors'", _SET_CLOCK)
            return
    yield Finding("ok", "clock", "agrees with what is written")


def ports(patient: Patient) -> Iterator[Finding]:
    """They are free, or ours."""
    for part, port in patient.ports:
        who = _listens(port)
        if who is None:
            yield Finding("ok", f"port {port}", f"is free for the {part}")
        elif who == part:
            yield Finding("ok", f"port {port}", f"the {part} answers")
            # A wall under ``up`` hands its worker's metrics on.
            yield from _worker_says(port)
        else:
            other = port + 1 if port < _LAST_PORT else port - 1
            yield Finding(
                "warn",
                f"port {port}",
                f"{_ANOTHER if who == _ANOTHER else f'a {who}'} listens there",
                f"resonanz {part} --port {other}",
            )


def _listens(port: int) -> str | None:
    answer = _asked(port, "/healthz")
    if answer is None:
        return None
    if answer == "alive\n":
        return "worker"
    # So do many programs answer; ours describes itself.
    if answer.startswith('{"status":"ok"') and '"title":"Resonanz"' in (_asked(port, "/openapi.json") or ""):
        return "wall"
    return _ANOTHER


def _asked(port: int, path: str) -> str | None:
    """What is said there; None if nobody listens, "" if it is no answer of ours."""
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex(("127.0.0.1", port)):
            return None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read(10_000_000).decode(errors="replace") if answer.status == 200 else ""
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def _worker_says(port: int) -> Iterator[Finding]:
    for line in (_asked(port, "/metrics") or "").splitlines():
        if line == f"{_RELOADED} 0.0":
            yield Finding(
                "warn",
                "configuration",
                f"what was changed is wrong; what answers on port {port} goes by the one before",
                "resonanz check",
            )
        if line.startswith("resonanz_lost_records_total{") and float(line.rpartition(" ")[2]) > 0:
            partition = line.partition('partition="')[2].partition('"')[0]
            yield Finding(
                "fail",
                "lost records",
                f"{float(line.rpartition(' ')[2]):,.0f} records of partition {partition} were removed before "
                "this worker counted them",
                "give the topics a longer retention.ms, and publish them again from their source "
                "(resonanz replay)",
            )


def tokens(patient: Patient) -> Iterator[Finding]:
    """Those that open the wall beyond this machine cannot be guessed."""
    settings = patient.settings
    known = {"wall.agency_token": settings.wall.agency_token}
    known |= {f"clients.{name}.token": client.token for name, client in settings.clients.items()}
    weak = [
        name
        for name, token in known.items()
        if token is not None
        and (len(token.get_secret_value()) < SHORTEST_TOKEN or len(set(token.get_secret_value())) < 8)
    ]
    for name in weak:
        yield Finding(
            "warn", name, "can be guessed", "set its variable to what this prints: openssl rand -hex 32"
        )
    if not weak:
        given = sum(token is not None for token in known.values())
        yield Finding(
            "ok", "tokens", f"{given} set, none weak" if given else "none: only this machine may look"
        )


def disk(patient: Patient) -> Iterator[Finding]:
    """There is room, and we may write."""
    if scheme_of(patient.settings.broker) != "sqlite":
        return
    path = Path(patient.settings.broker.removeprefix("sqlite:///"))
    for place in (path, path.parent):
        if not os.access(place, os.R_OK | os.W_OK):
            yield Finding("fail", "disk", f"{place} cannot be written to", f"chown $(id -u) {place}")
            return
    free = shutil.disk_usage(path.parent).free
    if free < LITTLE_BYTES:
        level: Level = "fail" if free < NO_BYTES else "warn"
        words = f"{free // 1_000_000} MB are free beside {path}"
        yield Finding(level, "disk", words, "free some space; writing then goes on by itself")
    else:
        yield Finding("ok", "disk", f"{free // 1_000_000_000} GB are free")
