"""The reason for each line that cannot be counted, and the record that keeps it."""

from typing import Any

import pytest
from tests.engines import NOW_MS, event, line, registry_of, run_of

from resonanz_streams.dead_letters import MAX_DEPTH, MAX_LINE, Line, Lines, Rejected, depth
from resonanz_streams.decode import Decoder
from resonanz_streams.letters import MAX_DEAD_LETTER
from resonanz_streams.topics import DEAD_LETTERS


def verdict(data: bytes, topic: str = "likes") -> tuple[str, str]:
    """Reason and error of one line."""
    run = run_of(data, topic=topic)
    by = Decoder(registry_of("file:a"), 0)
    rejected = (by.snapshots if topic == "audience" else by.operations)(run, Lines(run), NOW_MS)[1]
    assert len(rejected) == 1
    return rejected[0].reason, rejected[0].error


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"hello", "Expecting value at character 0"),
        (b'{"v":1', "Expecting ',' delimiter at character 6"),
        (b'{"v":1}}', "Extra data at character 7"),
        (b'{"v":NaN}', "NaN and Infinity are not JSON"),
        (b'{"v":-Infinity}', "NaN and Infinity are not JSON"),
        (b"123", "not an object"),
        (b"null", "not an object"),
        (b'"text"', "not an object"),
        (b"[{}]", "not an object"),
        (b'{"v":1,"x":"\xff"}', "no UTF-8 at byte 12"),
        (b"\xef\xbb\xbf{}", "Unexpected UTF-8 BOM (decode using utf-8-sig) at character 0"),
        (b"\x00", "Expecting value at character 0"),
        (b'{"v":01}', "Expecting ',' delimiter at character 6"),
    ],
)
def test_what_is_no_json_object(data: bytes, error: str) -> None:
    assert verdict(data) == ("not_json", error)


@pytest.mark.parametrize("version", [0, 2, -1, 1.0, 1.5, "1", None, True, [], 10**30])
def test_versions_that_are_not_known(version: Any) -> None:
    assert verdict(line(event() | {"v": version})) == ("unknown_version", "v must be 1")


def test_without_a_version_it_is_the_first() -> None:
    assert verdict(line(event(v=None, at_ms="soon")))[0] == "wrong_type"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"id": 7}, "Expected `str`, got `int` - at `$.id`"),
        ({"id": ""}, "Expected `str` of length >= 1 - at `$.id`"),
        ({"id": "x" * 513}, "Expected `str` of length <= 512 - at `$.id`"),
        ({"at_ms": 1.5}, "Expected `int`, got `float` - at `$.at_ms`"),
        ({"at_ms": "1"}, "Expected `int`, got `str` - at `$.at_ms`"),
        ({"at_ms": True}, "Expected `int`, got `bool` - at `$.at_ms`"),
        ({"count": 2**31}, "Expected `int` <= 2147483647 - at `$.count`"),
        ({"topics": "bread"}, "Expected `array`, got `str` - at `$.topics`"),
        ({"own": 1}, "Expected `bool`, got `int` - at `$.own`"),
    ],
)
def test_fields_of_a_wrong_type(changes: dict[str, Any], error: str) -> None:
    assert verdict(line(event() | changes)) == ("wrong_type", error)


@pytest.mark.parametrize("field", ["id", "source", "kind", "account", "at_ms"])
def test_fields_that_are_missing(field: str) -> None:
    assert verdict(line(event(**{field: None})))[0] == "wrong_type"


@pytest.mark.parametrize(
    "digits", ["9223372036854775808", "-9223372036854775809", "1" + "0" * 30, "1" + "0" * 5000, "1e400"]
)
def test_numbers_beyond_64_bits(digits: str) -> None:
    data = line(event()).replace(str(NOW_MS - 60_000).encode(), digits.encode())
    assert verdict(data)[0] == "wrong_type"


def test_a_value_is_never_quoted() -> None:
    """The error travels in a header and into logs; what people wrote must not."""
    reason, error = verdict(line(event(op="Hidden - at `$.secret`")))
    assert (reason, error) == ("wrong_type", "a value that is not allowed - at `$.op`")
    assert verdict(line(event(kind="Hidden")))[1] == "a value that is not allowed - at `$.kind`"


def test_a_kind_in_the_topic_of_another() -> None:
    assert verdict(line(event(kind="share"))) == ("wrong_topic", "kind share in topic likes")


def test_a_follower_snapshot_among_the_likes_is_of_a_wrong_type() -> None:
    snapshot = {"id": "1", "source": "file", "account": "file:a", "at_ms": NOW_MS, "followers": 3}
    assert verdict(line(snapshot))[0] == "wrong_type"
    assert verdict(line(event()), topic="audience")[0] == "wrong_type"


def test_too_large_and_too_deep_are_said_with_their_limits() -> None:
    assert verdict(b"x" * (MAX_LINE + 1)) == ("too_large", f"{MAX_LINE + 1} bytes; 262144 are allowed")
    assert verdict(b"[" * 10_000) == ("too_deep", "nested deeper than 64")


# -- depth ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "deep"),
    [
        (b"[" * 65 + b"]" * 65, 65),
        (b'{"a":' * 100 + b"1" + b"}" * 100, 100),
        (b"[]" * 100, 1),
        (b'"' + b"[" * 100 + b'"', 0),
        (b'"\\"' + b"[" * 100 + b'"', 0),
        (b'["\\\\",' + b"[" * 99, 100),
        (b'"' + b"[" * 100, 0),
        (b"]" * 100 + b"[" * 100, 0),
    ],
)
def test_depth_is_that_of_brackets_outside_texts(data: bytes, deep: int) -> None:
    assert depth(data) == deep


def test_few_brackets_are_not_looked_at() -> None:
    assert depth(b"[" * MAX_DEPTH) == 0


# -- lines and records ---------------------------------------------------------------------------------


def test_a_record_s_lines_have_its_offset_and_blank_ones_do_not_count() -> None:
    run = run_of(b"a\n\n b \r\n", b"", b"c", start=7)
    assert Lines(run).all() == [Line(7, b"a"), Line(7, b" b \r"), Line(9, b"c")]


def test_a_dead_letter_is_the_line_as_it_came_with_where_it_stood() -> None:
    record = Rejected(Line(42, b"\xffraw"), "not_json", "no UTF-8 at byte 0").record("likes", 3)
    assert (record.topic, record.key, record.value) == (DEAD_LETTERS, None, b"\xffraw")
    assert list(record.headers) == [
        ("reason", b"not_json"),
        ("topic", b"likes"),
        ("partition", b"3"),
        ("offset", b"42"),
        ("error", b"no UTF-8 at byte 0"),
    ]


def test_of_a_line_that_no_broker_takes_the_beginning_is_kept_and_its_length_told() -> None:
    record = Rejected(Line(0, b"x" * 2_000_000), "too_large", "…").record("likes", 0)
    assert record.value == b"x" * MAX_DEAD_LETTER
    assert ("truncated_from", b"2000000") in record.headers
