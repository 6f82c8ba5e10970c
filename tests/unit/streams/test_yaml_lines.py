"""Files that are no configuration at all."""

from pathlib import Path

import pytest

from resonanz_streams.errors import ConfigurationError
from resonanz_streams.yaml_lines import Lines, load_yaml


def refusal(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_yaml(path)
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ": is empty; begin with: clients:"),
        ("# only a remark\n", ": is empty; begin with: clients:"),
        ("- a\n", ": must be a mapping; begin with: clients:"),
        ("text\n", ": must be a mapping; begin with: clients:"),
        ("a: b: c\n", ":1: is not valid YAML: mapping values are not allowed here"),
        ("a: 1\nb: [1\n", ":3: is not valid YAML: expected ',' or ']', but got '<stream end>'"),
        (
            "a:\n\t- b\n",
            ":2: is not valid YAML: found character '\\t' that cannot start any token; indent with spaces",
        ),
        ("x: {[z: {b: [c]}]: 2}\n", ": cannot be read (TypeError); write plain words before each colon"),
        ("a: *nope\n", ":1: is not valid YAML: found undefined alias 'nope'"),
        ("a: 1\n---\nb: 2\n", ":2: is not valid YAML: but found another document"),
        (
            "clients:\n  cafe: 1\n  cafe: 2\n",
            ':3: is not valid YAML: found duplicate key "cafe"; leave one of them',
        ),
        (
            "pseudonym_key: hunter2\npseudonym_key: hunter3\n",
            ':2: is not valid YAML: found duplicate key "pseudonym_key"; leave one of them',
        ),
        (
            "a: \x01\n",
            ": is not valid YAML: unacceptable character #x0001: special characters are not allowed",
        ),
        (
            "a: !!int foo\n",
            ": a value is not what its tag says: invalid literal for int() with base 10: 'foo'",
        ),
        ("[" * 2000, ": is nested too deeply; no setting needs that"),
    ],
)
def test_texts_that_are_no_configuration(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "resonanz.yaml"
    path.write_text(text)
    assert refusal(path) == sentence


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: Café".encode("latin-1"))
    assert refusal(tmp_path / "latin.yaml") == ": is not UTF-8 text; save it as UTF-8"
    assert refusal(tmp_path) == ": is a folder; name the file in it"
    assert refusal(tmp_path / "none.yaml") == (
        ": there is no such file; write one, name another with --config, or try: resonanz up --demo"
    )


def test_a_day_that_is_none_is_left_to_those_who_know_its_place(tmp_path: Path) -> None:
    path = tmp_path / "resonanz.yaml"
    path.write_text("a: 2026-13-01\nb: 2026-01-31\n")
    assert load_yaml(path)[0] == {"a": "2026-13-01", "b": "2026-01-31"}


def test_a_place_has_the_line_of_its_name_or_of_what_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a:\n  b:\n    - c\n    - d: 1\n\n# remark\ne: {f: [1,\n 2]}\n")
    _, lines = load_yaml(path)
    places = [
        (),
        ("a",),
        ("a", "b"),
        ("a", "b", 0),
        ("a", "b", 1, "d"),
        ("a", "x"),
        ("a", "b", 9),
        ("e", "f", 1),
        ("y",),
    ]
    found = [lines.sentence(place, "!").removeprefix(str(path)) for place in places]
    assert found == [
        ": !", ":1: a: !", ":2: a.b: !", ":3: a.b.0: !", ":4: a.b.1.d: !", ":1: a.x: !", ":2: a.b.9: !",
        ":8: e.f.1: !", ": y: !",
    ]  # fmt: skip


def test_sentences_stand_in_the_order_of_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\nb: 2\n")
    _, lines = load_yaml(path)
    assert lines.sentences([(("b",), "two"), (("a",), "one")]) == [f"{path}:1: a: one", f"{path}:2: b: two"]


def test_without_a_document_there_are_no_lines() -> None:
    assert Lines("configuration").sentence(("a", 0), "x") == "configuration: a.0: x"
