"""The configuration of ``resonanz up`` where nobody has written one: the demo, real accounts, files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from resonanz_streams.errors import StopError

FILE: Final = "resonanz.yaml"
_HEAD: Final = "# Written by: resonanz up. Change it as you like; delete the folder to begin anew.\n"


@dataclass(frozen=True, slots=True)
class Wanted:
    """``bluesky``: handles or DIDs. ``files``: absolute paths, with the accounts that stand in them."""

    demo: bool = False
    bluesky: Sequence[str] = ()
    files: Sequence[Path] = ()
    file_accounts: Sequence[str] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)


def arrange(wanted: Wanted, folder: Path) -> Path:
    """Write the configuration into ``folder`` and return its path. The demo alone is left as it stands,
    so that what somebody changed in it stays.

    Raises:
        StopError: the folder cannot be written to.
    """
    path = folder / FILE
    if wanted.demo and not (wanted.bluesky or wanted.files) and path.exists():
        return path
    text = _demo() if wanted.demo else _HEAD
    if wanted.bluesky or wanted.files:
        text = _with_own(text, wanted)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StopError(
            f"{path}: cannot be written ({error.strerror}); go to a folder where you may"
        ) from None
    return path


def _demo() -> str:
    return (files("resonanz_streams.demo") / "agency.yaml").read_text(encoding="utf-8")


def _with_own(text: str, wanted: Wanted) -> str:
    yaml = YAML()
    document: dict[str, Any] = yaml.load(text) or {"broker": "sqlite:///resonanz.db"}
    clients = document.setdefault("clients", {})
    connectors = document.setdefault("connectors", {})
    if wanted.bluesky:
        handles = [handle.removeprefix("bluesky:").removeprefix("@") for handle in wanted.bluesky]
        clients["bluesky"] = {"name": "Bluesky", "accounts": [f"bluesky:{handle}" for handle in handles]}
        connectors.setdefault("bluesky", {})
    if wanted.files:
        clients["files"] = {
            "name": "Files",
            "accounts": [{"id": name, "connector": "file"} for name in wanted.file_accounts],
        }
        connectors["file"] = {
            "files": [str(path) for path in wanted.files],
            "map": dict(wanted.mapping),
            "shift_to_now": True,
            **wanted.defaults,
        }
    out = StringIO()
    yaml.dump(document, out)
    return out.getvalue()
