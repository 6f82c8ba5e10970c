"""What boards are made of: a query, a number, bars; sizes for a wall that is read from five metres.

Sizes are pixels on a screen of 1920 × 1080, where the 24 columns are 80 and a row 38 pixels wide and high.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as words
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE: Final = words.DataSourceRef(type_val="prometheus", uid="${datasource}")
NUMBER_SIZE: Final = 120
LABEL_SIZE: Final = 40
BAR_SIZE: Final = 48

NEUTRAL: Final = "text"
ALARM: Final = "red"
NO_DATA: Final = "NO DATA"


def query(expression: str, legend: str) -> prometheus.Dataquery:
    """What is so now. Never the last value of a range: a wall would go on showing what nobody measures."""
    return (
        prometheus.Dataquery()
        .datasource(SOURCE)
        .ref_id("A")
        .expr(expression)
        .legend_format(legend)
        .instant()
        .format(PromQueryFormat.TIME_SERIES)
    )


def place(left: int, top: int, width: int, height: int) -> model.GridPos:
    """Where a panel stands, in columns and rows."""
    return model.GridPos(x=left, y=top, w=width, h=height)


def says(value: int, word: str, *, alarm: bool = False) -> model.ValueMap:
    """Show this word for a value."""
    result = model.ValueMappingResult(text=word, color=ALARM if alarm else NEUTRAL, index=0)
    return model.ValueMap({str(value): result})


def alarm_from(value: float) -> dashboard.ThresholdsConfig:
    """Neutral below ``value``, alarming from there on."""
    steps = [model.Threshold(value=None, color=NEUTRAL), model.Threshold(value=value, color=ALARM)]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def neutral() -> dashboard.ThresholdsConfig:
    """No colour says anything."""
    steps = [model.Threshold(value=None, color=NEUTRAL)]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def number(
    title: str,
    description: str,
    shown: prometheus.Dataquery,
    *,
    unit: str,
    decimals: int = 0,
    thresholds: dashboard.ThresholdsConfig | None = None,
    mappings: Sequence[model.ValueMapping] = (),
) -> stat.Panel:
    """One large number with its name."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(shown)
        .unit(unit)
        .decimals(decimals)
        .no_value(NO_DATA)
        .mappings(list(mappings))
        .thresholds(thresholds or neutral())
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .color_mode(words.BigValueColorMode.VALUE)
        .graph_mode(words.BigValueGraphMode.NONE)
        .justify_mode(words.BigValueJustifyMode.CENTER)
        .text_mode(words.BigValueTextMode.VALUE_AND_NAME)
        .orientation(words.VizOrientation.AUTO)
        .wide_layout(False)
        .text(common.VizTextDisplayOptions().title_size(LABEL_SIZE).value_size(NUMBER_SIZE))
        .reduce_options(_newest())
    )


def bars(title: str, description: str, shown: prometheus.Dataquery) -> bargauge.Panel:
    """A few rows: name, bar, value."""
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .with_target(shown)
        .unit("short")
        .decimals(1)
        .min(0)
        .no_value(NO_DATA)
        .thresholds(neutral())
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .display_mode(words.BarGaugeDisplayMode.BASIC)
        .value_mode(words.BarGaugeValueMode.TEXT)
        .name_placement(words.BarGaugeNamePlacement.LEFT)
        .orientation(words.VizOrientation.HORIZONTAL)
        .show_unfilled(False)
        .text(common.VizTextDisplayOptions().title_size(LABEL_SIZE).value_size(BAR_SIZE))
        .reduce_options(_newest())
    )


def _newest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)


def finished(board: dashboard.Dashboard) -> model.Dashboard:
    """The board with what the kit leaves to Grafana: an id for each panel, so that links to it last."""
    built = board.build()
    for identity, panel in enumerate(built.panels or (), start=1):
        if isinstance(panel, model.Panel):
            panel.id_val = identity
    for variable in (built.templating.list_val if built.templating else None) or ():
        # Fields of intervals, which the kit gives to all kinds.
        variable.auto = variable.auto_count = variable.auto_min = None
    return built


def as_json(board: model.Dashboard) -> str:
    """The board as the committed file holds it."""
    plain: dict[str, Any] = json.loads(json.dumps(board, cls=JSONEncoder))
    return json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
