"""``resonanz doctor``."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from resonanz_streams.commands import options
from resonanz_streams.doctor.exam import open_exam
from resonanz_streams.doctor.examine import examine
from resonanz_streams.doctor.findings import Finding, told
from resonanz_streams.doctor.patient import Patient
from resonanz_streams.errors import ResonanzError
from resonanz_streams.logs import hide, secrets_of
from resonanz_streams.registry import Registry, build_registry
from resonanz_streams.settings import Settings, load_settings

_ORDER = {"fail": 0, "warn": 1, "ok": 2}


@click.command()
@click.option(
    "--worker-port",
    type=options.PORT,
    default=9464,
    show_default=True,
    help="Where this machine's worker is.",
)
@click.option(
    "--wall-port", type=options.PORT, default=8080, show_default=True, help="Where this machine's wall is."
)
@options.as_json
@options.config
def doctor(worker_port: int, wall_port: int, json_wanted: bool, config_path: Path) -> int:
    """What is wrong, and the command that mends it: broker, topics, workers, connectors, clocks, ports, disk.

    It changes nothing and needs no worker. The exit code is 1 if something fails.
    """
    options.log_as("doctor")
    settings = load_settings(config_path, os.environ)
    hide(secrets_of(settings))
    registry = _registry(settings)
    findings = _found(settings, registry, (("worker", worker_port), ("wall", wall_port)))
    findings.sort(key=lambda finding: _ORDER[finding.level])
    if json_wanted:
        options.print_json([asdict(finding) for finding in findings])
    else:
        options.print_table(
            ("", "what", "finding", "mend it with"),
            [(one.level, one.subject, one.what, one.mend) for one in findings],
        )
    return int(any(finding.level == "fail" for finding in findings))


def _registry(settings: Settings) -> Registry:
    """Without making a key where there is none yet: no person is looked at here."""
    has_key = settings.pseudonym_key is not None or not settings.broker.startswith("sqlite")
    return build_registry(settings) if has_key else Registry(settings, bytes(16))


def _found(settings: Settings, registry: Registry, ports: Sequence[tuple[str, int]]) -> list[Finding]:
    from resonanz_connectors.runner import needed_connectors

    try:
        exam = open_exam(settings.broker, prefix=settings.topic_prefix, group=settings.group)
    except ResonanzError as error:
        # Without it nothing else can be looked at.
        return [told("fail", "broker", error)]
    with contextlib.closing(exam):
        connectors = needed_connectors(settings, registry)
        return list(examine(Patient(settings, registry, exam, connectors, ports)))


COMMANDS = (doctor,)
