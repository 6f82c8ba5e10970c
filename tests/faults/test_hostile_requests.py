"""The wall's API against its own description: requests of any shape get an answer that it names."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from resonanz_streams.clock import wall_ms
from tests.faults.report import form, saw
from tests.wall.figures import record, snapshot
from tests.wall.test_access import AGENCY, BAKERY, ENV, EVERYWHERE, WITH_TOKENS
from tests.wall.walls import HERE, TWO_CLIENTS, RunningWall, settings_from

EXAMPLES = form(25, 250)
SLOWEST_SECONDS = 10.0
ENDLESS = "/api/v1/stream"
GROWTH_MB = 40.0


@pytest.mark.parametrize(
    ("who", "token"), [("no token needed", ""), ("agency", AGENCY), ("client", BAKERY), ("stranger", "wrong")]
)
def test_any_request_gets_an_answer_that_the_description_names(who: str, token: str, tmp_path: Path) -> None:
    wanted = settings_from(tmp_path, WITH_TOKENS if token else TWO_CLIENTS, ENV)
    headers: Mapping[str, str] = {"Authorization": f"Bearer {token}"} if token else {}
    asked = 0
    with RunningWall(wanted, listen_on=EVERYWHERE if token else HERE) as wall:
        wall.put(record(snapshot("bluesky:did:plc:abc", wall_ms())))
        schema = schemathesis.openapi.from_url(f"{wall.url}/openapi.json", headers=dict(headers))
        held: list[int] = []
        # What is loaded or kept once, on the first of each request, is no growth: the second round shows it.
        for _ in range(2):
            for found in schema.get_all_operations():
                assert isinstance(found, Ok)
                operation = found.ok()
                if operation.path == ENDLESS:
                    continue

                @seed(20261125)
                @settings(
                    max_examples=EXAMPLES,
                    deadline=None,
                    database=None,
                    phases=[Phase.explicit, Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=operation.as_strategy())
                def ask(case: schemathesis.Case[Any]) -> None:
                    nonlocal asked
                    asked += 1
                    begun = time.monotonic()
                    answer = case.call(headers=dict(headers))
                    assert time.monotonic() - begun < SLOWEST_SECONDS
                    assert answer.status_code < 500
                    if who == "stranger" and case.operation.path.startswith("/api/"):
                        assert answer.status_code == 401
                    case.validate_response(answer, excluded_checks=[positive_data_acceptance])

                ask()
            held.append(psutil.Process().memory_info().rss)
        assert wall.get("/healthz").status == 200
        grown = (held[1] - held[0]) / 2**20
    saw(f"hostile requests to the API: {who}", requests=asked, grown_mb=round(grown, 1))
    assert asked > EXAMPLES
    assert grown < GROWTH_MB
