"""The agency's first board: who does best and worst, how old the data is, whether the connectors live."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from resonanz_dashboards.board_state import COMPLETE, STALE_MS
from resonanz_dashboards.boards.parts import (
    SOURCE,
    alarm_from,
    bars,
    finished,
    number,
    place,
    query,
    says,
)

UID: Final = "resonanz-agency-overview"
ACCOUNTS_SHOWN: Final = 5
CLIENTS_SHOWN: Final = 3
_PER: Final = "Interactions of the last 24 h per 1,000 people of the client's potential"
_STALE_SECONDS: Final = STALE_MS // 1000
_CHOSEN: Final = '{client=~"$client",platform=~"$platform"}'


def _gauge(name: str, chosen: str = _CHOSEN) -> str:
    """By account, whichever worker exports it: the larger value holds.

    When an account moves, Prometheus keeps the former owner's last sample until it asks that worker again
    (five minutes at most), beside the new one's.
    """
    return f"max without (instance, pod, worker) ({name}{chosen})"


_RATE: Final = _gauge("resonanz_interactions_per_potential_24h_per_1000")
# What was not watched is not bad.
_WATCHED: Final = f"{_RATE} and on (account) ({_gauge('resonanz_coverage_24h_ratio')} >= {COMPLETE})"
_AGE: Final = (
    f"(time() - {_gauge('resonanz_connector_last_success_timestamp_seconds', '')}"
    f" * on (connector, account) group_left (client, platform) {_gauge('resonanz_connector_info')})"
)


def _named(accounts: str) -> str:
    """With label ``name``: the handle, or the account's id where it has none."""
    told = f"({accounts}) * on (account) group_left (handle) {_gauge('resonanz_account_info')}"
    by_id = f'label_replace({told}, "name", "$1", "account", "(.+)")'
    return f'label_replace({by_id}, "name", "$1", "handle", "(.+)")'


def build() -> model.Dashboard:
    """The board."""
    board = (
        dashboard.Dashboard("Resonanz: agency overview")
        .uid(UID)
        .description("Best and worst accounts by interactions per potential, data age, connectors, pipeline.")
        .tags(["resonanz"])
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .readonly()
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus").regex("")
        )
        .with_variable(_choice("client", "Client", "label_values(resonanz_account_info, client)"))
        .with_variable(
            _choice(
                "platform",
                "Platform",
                'label_values(resonanz_account_info{client=~"$client"}, platform)',
            )
        )
    )
    for panel in (*_state(), *_accounts(), *_clients_and_pipeline()):
        board = board.with_panel(panel)
    return finished(board)


def _choice(name: str, label: str, values: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(values)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text="All", value="$__all"))
    )


def _state() -> list[Builder[model.Panel]]:
    stale = f"count(max by (connector) ({_AGE}) > {_STALE_SECONDS})"
    return [
        number(
            "Clock",
            "When this board last heard from Prometheus. A clock that stands is a wall that stands.",
            query("vector(time() * 1000)", "Now"),
            unit="time:HH:mm",
        ).grid_pos(place(0, 0, 8, 7)),
        number(
            "Data age",
            "Up to when the connector that is furthest behind has published everything; beside it, its name.",
            query(f"topk(1, max by (connector) ({_AGE}))", "oldest: {{connector}}"),
            unit="s",
        ).grid_pos(place(8, 0, 8, 7)),
        number(
            "Connectors",
            f"How many have not published for over {_STALE_SECONDS} s, at least for one of their accounts.",
            query(f"{stale} or 0 * count({_AGE})", "Connectors"),
            unit="suffix: STALE",
            thresholds=alarm_from(1),
            mappings=[says(0, "ALL LIVE")],
        ).grid_pos(place(16, 0, 8, 7)),
    ]


def _accounts() -> list[Builder[model.Panel]]:
    watched = f"accounts that were watched for at least {COMPLETE:.0%} of that time"
    return [
        bars(
            "Best accounts, per 1,000 of potential",
            f"{_PER}: the highest, among {watched}.",
            query(f"topk({ACCOUNTS_SHOWN}, {_named(_WATCHED)})", "{{name}} {{platform}}"),
        ).grid_pos(place(0, 7, 12, 12)),
        bars(
            "Worst accounts, per 1,000 of potential",
            f"{_PER}: the lowest, among {watched}.",
            query(f"bottomk({ACCOUNTS_SHOWN}, {_named(_WATCHED)})", "{{name}} {{platform}}"),
        ).grid_pos(place(12, 7, 12, 12)),
    ]


def _clients_and_pipeline() -> list[Builder[model.Panel]]:
    return [
        bars(
            "Best clients, per 1,000 of potential",
            f"{_PER}, all chosen accounts together: all accounts of a client share its potential.",
            query(f"topk({CLIENTS_SHOWN}, sum by (client) ({_RATE}))", "{{client}}"),
        ).grid_pos(place(0, 19, 8, 7)),
        number(
            "Throughput",
            "Events read a second, by all workers together, whatever became of them.",
            query("sum(rate(resonanz_events_total[$__rate_interval]))", "Events"),
            unit="suffix:/s",
        ).grid_pos(place(8, 19, 8, 7)),
        number(
            "Dead letters",
            "Records of the last hour that could not be counted; topic dead-letters holds them and why.",
            query(
                "ceil(sum(increase(resonanz_dead_letters_total[1h]))) or 0 * sum(resonanz_series)",
                "Dead letters, 1 h",
            ),
            unit="none",
            thresholds=alarm_from(1),
            mappings=[says(0, "NONE")],
        ).grid_pos(place(16, 19, 8, 7)),
    ]
