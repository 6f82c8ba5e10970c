"""docker-compose.yml: within the specification, without secrets, closed to the network, bounded."""

import re
import stat
import sys
from pathlib import Path

from ruamel.yaml import YAML

from tests.operation import compose, dockerfile
from tests.operation.compose import FILE, OURS, SERVICES
from tests.operation.conftest import program, run
from tests.operation.dockerfile import ROOT

DOCUMENT = compose.load()
WITHOUT_HEALTH_CHECK = {"topics", "connect"}
MEGABYTES = {"m": 1, "g": 1024}


def yaml(path: str) -> dict[str, object]:
    found: dict[str, object] = YAML(typ="safe").load(ROOT / path)
    return found


def test_it_keeps_to_the_specification() -> None:
    tool = Path(sys.executable).with_name("check-jsonschema")
    assert run(tool, "--builtin-schema", "vendor.compose-spec", FILE)[0] == 0


def resolved(folder: Path, *environment: str) -> tuple[int, str]:
    """By the old docker-compose, which needs no engine; it does not know ``name`` yet."""
    text = FILE.read_text().replace("name: resonanz\n", "", 1)
    arguments = (*environment, program("docker-compose"), "-f", "-", "config", "-q")
    return run("env", "-u", "RESONANZ_SECRETS", *arguments, text=text, folder=folder)


def test_without_secrets_it_says_how_to_make_them(tmp_path: Path) -> None:
    code, told = resolved(tmp_path)
    assert code != 0
    assert 'there are no secrets yet, make them with "make secrets"' in told


def test_make_secrets_makes_them_once_and_for_their_owner(tmp_path: Path) -> None:
    make = ("make", "-C", tmp_path, "-f", ROOT / "Makefile", "secrets")
    assert run(*make)[0] == 0
    folder = tmp_path / "secrets"
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(made) == set(DOCUMENT["secrets"])
    assert len(set(made.values())) == 3
    for name, text in made.items():
        assert re.fullmatch("[0-9a-f]{64}", text), name
        # The folder keeps others out; within the containers nobody in particular must read them.
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o444
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert run(*make)[0] == 0
    assert {path.name: path.read_text() for path in folder.iterdir()} == made
    assert (tmp_path / ".env").read_text() == "RESONANZ_SECRETS=./secrets\n"
    assert resolved(tmp_path)[0] == 0


def test_git_and_the_image_do_not_take_the_secrets() -> None:
    assert {"/secrets/", "/.env"} <= set((ROOT / ".gitignore").read_text().splitlines())
    assert not any("secrets" in origin for each, _ in dockerfile.copied() for origin in each)


def test_no_secret_stands_in_it() -> None:
    assert not re.search(r"[0-9a-fA-F]{24}", FILE.read_text())
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET|KEY", name):
                assert name.endswith("__FILE"), name
                assert str(value).removeprefix("/run/secrets/") in service["secrets"]


def test_nothing_is_published_beyond_loopback() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert sorted(published) == ["127.0.0.1:3000:3000", "127.0.0.1:8080:8080", "127.0.0.1:9090:9090"]


def test_every_service_is_bounded_and_may_do_little() -> None:
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"]["max-size"] == "10m", name
        assert service["mem_limit"], name
        assert service["pids_limit"] <= 1024, name
        assert service.get("read_only", False) == (name != "kafka"), name
        assert service["restart"] == ("no" if name == "topics" else "unless-stopped"), name


def test_every_service_that_can_be_asked_has_a_health_check() -> None:
    disabled = {name for name, one in SERVICES.items() if one.get("healthcheck") == {"disable": True}}
    assert disabled == WITHOUT_HEALTH_CHECK
    assert {name for name in SERVICES if compose.health_check(name)} == {
        "kafka",
        "wall",
        "prometheus",
        "grafana",
    }
    assert f":{dockerfile.one('EXPOSE').text}/readyz" in dockerfile.health_check()[-1]  # the worker's


def test_other_images_are_pinned() -> None:
    others = {str(one["image"]) for one in SERVICES.values() if one["image"] != OURS}
    assert len(others) == 3
    for image in others:
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", image), image


def test_every_mounted_file_is_there_and_every_volume_named() -> None:
    used = [str(volume) for service in SERVICES.values() for volume in service.get("volumes", ())]
    named = {volume.partition(":")[0] for volume in used if not volume.startswith("./")}
    assert named == set(DOCUMENT["volumes"])
    for volume in used:
        if volume.startswith("./"):
            path, _, mode = volume.partition(":")
            assert (ROOT / path).is_dir(), path
            assert mode.endswith(":ro"), f"{path} could be written"


def test_the_agency_is_the_demos_own_on_another_broker() -> None:
    default = re.fullmatch(r"\$\{RESONANZ_CONFIG:-\./(.+)\}", DOCUMENT["configs"]["resonanz"]["file"])
    assert default
    composed, demo = yaml(default[1]), yaml("streams/resonanz_streams/demo/agency.yaml")
    assert {name: composed[name] for name in ("clients", "connectors")} == {
        name: demo[name] for name in ("clients", "connectors")
    }
    assert composed["broker"] == "kafka://kafka:9092"
    limit = str(SERVICES["worker"]["mem_limit"])
    assert composed["ledger_max_mb"] == int(limit[:-1]) * MEGABYTES[limit[-1]] // 4


def test_prometheus_and_grafana_are_told_what_compose_gives_them(tmp_path: Path) -> None:
    text = (ROOT / "dashboards/prometheus/prometheus.yml").read_text()
    (tmp_path / "token").write_text("t")
    (tmp_path / "prometheus.yml").write_text(
        text.replace("/run/secrets/agency_token", str(tmp_path / "token"))
    )
    assert run(program("promtool"), "check", "config", tmp_path / "prometheus.yml")[0] == 0
    scraping = YAML(typ="safe").load(text)
    job, clients = scraping["scrape_configs"]
    for each in (job, clients):
        assert each["authorization"]["credentials_file"].removeprefix("/run/secrets/") in DOCUMENT["secrets"]
    (discovery,) = job["dns_sd_configs"]
    assert discovery["names"] == ["worker"]
    assert str(discovery["port"]) == dockerfile.one("EXPOSE").text
    (of_wall,) = clients["dns_sd_configs"]
    assert of_wall["names"] == ["wall"]
    assert any(str(each).endswith(f":{of_wall['port']}") for each in SERVICES["wall"]["ports"])
    provisioning = ROOT / "dashboards/grafana/provisioning"
    (source,) = YAML(typ="safe").load(provisioning / "datasources/prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == scraping["global"]["scrape_interval"]
    (provider,) = YAML(typ="safe").load(provisioning / "dashboards/boards.yml")["providers"]
    assert f"./dashboards/grafana:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/agency-overview.json"
