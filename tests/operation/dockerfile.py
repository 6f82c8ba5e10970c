"""The Dockerfile, read; and its build without Docker: what it copies, copied, what it runs, run."""

import json
import os
import re
import shutil
import site
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = ROOT / "Dockerfile"
VENV: Final = "/opt/resonanz"


@dataclass(frozen=True)
class Instruction:
    """``stage`` counts the FROM lines from 0."""

    stage: int
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Of a list in JSON, or of a line."""
        return [str(word) for word in json.loads(self.text)] if self.text[0] == "[" else self.text.split()


def instructions() -> list[Instruction]:
    """In order, each on one line."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    found: list[Instruction] = []
    stage = -1
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            stage += name == "FROM"
            found.append(Instruction(stage, name, rest.strip()))
    return found


def one(name: str) -> Instruction:
    """The only instruction of this name."""
    (found,) = [each for each in instructions() if each.name == name]
    return found


def health_check() -> list[str]:
    """The words of its command."""
    text = one("HEALTHCHECK").text
    return [str(word) for word in json.loads(text[text.index("[") :])]


def copied() -> list[tuple[list[str], str]]:
    """What is copied from the checkout, and where to."""
    words = [each.words for each in instructions() if each.name == "COPY"]
    return [(each[:-1], each[-1]) for each in words if not each[0].startswith("--from")]


def build(folder: Path) -> Path:
    """The folder of the programs that an image of this Dockerfile would have on its path.

    Nothing is downloaded: what the Dockerfile's pip would fetch must be installed here, in versions that
    the constraints allow.
    """
    source, venv = folder / "src", folder / VENV.strip("/")
    source.mkdir()
    for origins, target in copied():
        for origin in origins:
            _copy(ROOT / origin, source / target / (Path(origin).name if target == "./" else ""))
    for each in instructions():
        if each.name == "RUN":
            command = re.sub(r"--mount=\S+ ", "", each.text).replace(VENV, str(venv))
            _run(command, source)
            if venv.exists() and not (venv / "seeded").exists():
                _seed(venv)
    return venv / "bin"


def _copy(origin: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(origin, target)


def _run(command: str, folder: Path) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to switch it off by a variable
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def _seed(venv: Path) -> None:
    """Let the new environment see everything that is installed here, but Resonanz itself."""
    seeds = venv / "seeds"
    seeds.mkdir()
    for folder in site.getsitepackages():
        for path in Path(folder).iterdir():
            ours = "resonanz" in path.name or path.suffix == ".pth" or path.name.startswith("pip")
            if not ours:
                (seeds / path.name).symlink_to(path)
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "seeds.pth").write_text(f"{seeds}\n")
    (venv / "seeded").touch()
