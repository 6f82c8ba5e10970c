"""Distributions that bring KPIs, installed into a folder by hand: the module, and what names it."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
_SECTION = (ROOT / "KPIS.md").read_text(encoding="utf-8").partition("\n# A KPI of your own\n")[2]
EXAMPLE, _CONFIGURED = (
    re.findall(rf"^```{language}\n(.*?)^```$", _SECTION, re.MULTILINE | re.DOTALL)[0]
    for language in ("python", "toml")
)
"""The example of KPIS.md."""

_POINTS = tomllib.loads(_CONFIGURED)["project"]["entry-points"]

FAILING = """\
from dataclasses import replace

from resonanz_streams.kpis import velocity
from resonanz_streams.kpis.base import DEEP_WINDOWS


def compute(inputs, window):
    return 1 / 0


KPI = replace(velocity.KPI, id="failing", compute=compute)
DEEP = replace(KPI, id="failing_deep", windows=DEEP_WINDOWS, deep=True)
"""


def install_example(folder: Path) -> None:
    """What KPIS.md shows."""
    (points,) = _POINTS.values()
    install(folder, "comments_per_like", EXAMPLE, points)


def install(folder: Path, name: str, module: str, points: Mapping[str, str]) -> None:
    """A distribution of one module."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(module)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{one} = {value}\n" for one, value in points.items()]
    (info / "entry_points.txt").write_text(f"[{next(iter(_POINTS))}]\n{''.join(lines)}")


def environment(folder: Path) -> dict[str, str]:
    """Of a process that finds these."""
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path}
