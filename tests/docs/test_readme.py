"""What the README says is true: its commands run, its tables name what there is."""

import re
import subprocess
from pathlib import Path

from resonanz_connectors.runner import list_connectors
from resonanz_streams.cli import cli
from resonanz_streams.kpis import KPIS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition(" #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip() and not line.startswith("#")
]


def test_every_command_of_the_readme_exists() -> None:
    for command in COMMANDS:
        words = command.split()
        if words[0] == "make":
            asked = subprocess.run(
                ["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert asked.returncode == 0, f"{command}: {asked.stderr}"
        elif words[0].endswith("resonanz"):
            known = cli.commands[words[1]]
            options = {name for parameter in known.params for name in parameter.opts}
            assert {word.split("=")[0] for word in words if word.startswith("--")} <= options, command
        else:
            assert words[0] in {"git", "cd", "curl", "docker"}, command


def test_the_two_commands_come_first() -> None:
    assert [command for command in COMMANDS if command.startswith("make")][:2] == ["make run", "make test"]


def test_every_kpi_and_connector_stands_in_the_readme() -> None:
    for name in (*(kpi.id for kpi in KPIS), *(listed.name for listed in list_connectors())):
        assert f"`{name}`" in README


def test_every_linked_file_exists() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
