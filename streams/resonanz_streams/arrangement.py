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
_HEAD: Final = (
    "# Written by: resonanz up, and written anew whenever it is told accounts or files.\n"
    "# To keep what you change here: resonanz up --config and the path of this file.\n"
)


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
    """Write the configuration into ``folder`` and return its path. Where the demo alone is wanted and
    stands there, it is left as it is, so that what somebody changed in it stays.

    Raises:
        StopError: the folder cannot be written to.
    """
    path = folder / FILE
    own = bool(wanted.bluesky or wanted.files)
    try:
        if wanted.demo and not own and path.exists() and not _is_ours(path):
            return path
        text = _demo() if wanted.demo else ""
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(_HEAD + _with_own(text, wanted) if own else text, encoding="utf-8")
    except OSError as error:
        raise StopError(
            f"{path}: cannot be written ({error.strerror}); go to a folder where you may"
        ) from None
    return path


def _is_ours(path: Path) -> bool:
    """Whether it was written for accounts or files: then the demo alone is something else."""
    return path.read_text(encoding="utf-8", errors="replace").startswith(_HEAD)


def _demo() -> str:
    return (files("resonanz_streams.demo") / "agency.yaml").read_text(encoding="utf-8")


def _with_own(text: str, wanted: Wanted) -> str:
    yaml = YAML()
    yaml.width = 4096  # else it breaks lines within plain keys of two words
    document: dict[str, Any] = yaml.load(text) or {"broker": "sqlite:///resonanz.db"}
    clients = document.setdefault("clients", {})
    connectors = document.setdefault("connectors", {})
    if wanted.bluesky:
        names = [handle.removeprefix("bluesky:").removeprefix("@") for handle in wanted.bluesky]
        # Handles are the same in any case; DIDs are not.
        handles = dict.fromkeys(name if name.startswith("did:") else name.lower() for name in names)
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
