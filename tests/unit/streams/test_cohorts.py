"""Who may be compared with whom."""

import pytest

from resonanz_streams.cohorts import Cohort, Exposed, cohort_of


@pytest.mark.parametrize(
    ("followers", "decade"),
    [(0.5, 0), (1.0, 0), (9.99, 0), (10.0, 1), (999.9, 2), (1000.0, 3), (1e9, 9), (None, None)],
)
def test_a_decade_begins_at_a_power_of_ten(followers: float | None, decade: int | None) -> None:
    assert cohort_of("bluesky", followers) == Cohort("bluesky", decade)


def test_a_cohort_is_of_one_platform() -> None:
    one, other = (Exposed(name, "c", name, 1, 10.0, 10.0).cohort for name in ("bluesky", "mastodon"))
    assert one != other
