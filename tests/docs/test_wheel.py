"""What is shipped: the three packages with the page, its licences and the demo, and nothing else."""

import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_the_packages_and_nothing_else(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert tops == {"resonanz_streams", "resonanz_connectors", "resonanz_dashboards"}
    for name in (
        "resonanz_streams/py.typed",
        "resonanz_streams/demo/agency.yaml",
        "resonanz_streams/demo/agency-kafka.yaml",
        "resonanz_connectors/py.typed",
        "resonanz_dashboards/page/index.html",
        "resonanz_dashboards/page/vendor/uplot/LICENSE",
        "resonanz_dashboards/page/vendor/barlow/LICENSE",
    ):
        assert name in names
    tracked = {
        f"{path.parent.relative_to(root)}/{path.name}"
        for root in (ROOT / "streams", ROOT / "connectors", ROOT / "dashboards")
        for path in root.glob("resonanz_*/**/*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    boards = {"resonanz_dashboards/boards/agency-overview.json"}
    assert {name for name in names if ".dist-info/" not in name} == tracked | boards
