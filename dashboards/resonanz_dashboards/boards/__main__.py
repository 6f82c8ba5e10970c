"""``python -m resonanz_dashboards.boards``, in a checkout: write every board's JSON anew."""

from pathlib import Path

from resonanz_dashboards.boards import agency_overview
from resonanz_dashboards.boards.parts import as_json

FOLDER = Path(__file__).parents[2] / "grafana"
BOARDS = {"agency-overview.json": agency_overview.build}


def main() -> None:
    """Write the files that Grafana loads."""
    for name, build in BOARDS.items():
        (FOLDER / name).write_text(as_json(build()), encoding="utf-8")


if __name__ == "__main__":
    main()
