"""The table of what was seen."""

from tests.faults.report import Sight, markdown


def test_a_newer_row_takes_the_place_of_the_one_of_the_same_case_and_broker() -> None:
    before = markdown(
        [
            Sight("kill", "SQLite", {"kills": 3}),
            Sight("kill", "Apache Kafka", {"kills": 4}),
            Sight("full", "", {"n": 1}),
        ]
    )
    assert markdown([Sight("kill", "SQLite", {"kills": 1_000, "median_seconds": 0.125})], before) == (
        "| fault | on | seen |\n"
        "|---|---|---|\n"
        "| kill | SQLite | kills 1,000, median seconds 0.125 |\n"
        "| kill | Apache Kafka | kills 4 |\n"
        "| full | both | n 1 |\n"
    )
