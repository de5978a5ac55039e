"""The formats read what they should and refuse what they cannot."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink import MedlinkError, Mention
from medlink.formats.gsc import read_gsc
from medlink.formats.html import docs_to_html
from medlink.formats.iob import read_iob
from medlink.formats.jsonl import write_line
from medlink.formats.pubtator import read_pubtator
from medlink.formats.records import doc_to_record
from medlink.formats.terminal import docs_to_terminal
from medlink.formats.text import read_text

TEXT = "Denies <b>chest pain</b> & heart attack.\r\n\tTook aspirin 🙂, heart attack."


def test_pubtator_offsets_count_title_newline_and_abstract(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text(
        "1|t|Fever in mice\n1|a|A|B had fever.\n1\t0\t5\tFever\tDisease\tD005334\n"
        "1\t22\t27\tfever\tDisease\tD1|D2\n1\tCID\tD1\tD2\n\n2|t|None\n2|a|\n2\t0\t4\tNone\tX\t-1\n"
    )
    first, second = read_pubtator(path)
    assert first.text == "Fever in mice\nA|B had fever."
    assert first.mentions == (Mention(0, 5, "Disease", ("D005334",)), Mention(22, 27, "Disease", ("D1", "D2")))
    assert second.mentions == (Mention(0, 4, "X", ()),)


def test_a_pubtator_mention_that_is_not_in_the_text_is_refused(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("1|t|Fever\n1|a|x\n1\t1\t5\tFeve\tDisease\tD1\n")
    with pytest.raises(MedlinkError, match=r"x.txt:3: the text at 1-5 is 'ever', not 'Feve'"):
        list(read_pubtator(path))


def test_iob_and_gsc_name_the_broken_line(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_text("a\tO\nb\tB-X\r\n\nc\tI-X\n")
    assert list(read_iob(path)) == [(["a", "b"], ["O", "B-X"]), (["c"], ["I-X"])]
    path.write_text("a\tQ\n")
    with pytest.raises(MedlinkError, match=r"x\.tsv:1"):
        list(read_iob(path))
    path.write_text("7\nLow-set ears.\n0\t12\tLow-set ears\tHP:0000369\n\n")
    (document,) = read_gsc(path)
    assert document.mentions == (Mention(0, 12, "CONDITION", ("HP:0000369",)),)
    path.write_text("7\nLow-set ears.\n0\tx\n")
    with pytest.raises(MedlinkError, match=r"x\.tsv:3"):
        list(read_gsc(path))


@given(st.text())
def test_text_is_read_as_it_is(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("text") / "note.txt"
    path.write_bytes(text.encode())
    assert read_text(path) == text.removeprefix("\ufeff")


def test_jsonl_holds_every_mention_with_its_offsets(nlp):
    record = json.loads(write_line(doc_to_record(nlp(TEXT), "a")))
    assert record["id"] == "a"
    assert record["text"] == TEXT
    assert {"chest pain", "aspirin", "heart attack"} <= {mention["text"] for mention in record["mentions"]}
    for mention in record["mentions"]:
        assert TEXT[mention["start"] : mention["end"]] == mention["text"]
    attack = next(mention for mention in record["mentions"] if mention["text"] == "heart attack")
    assert attack["entity"] is True
    assert {concept["concept_id"] for concept in attack["concepts"]} >= {"I21.9", "HP:0001658"}


def test_html_shows_the_text_escaped_and_the_concepts(nlp):
    page = docs_to_html([("<note>", nlp(TEXT)), ("empty", nlp(""))])
    assert "&lt;note&gt;" in page
    assert "<b>" not in page
    assert "I21.9" in page
    assert "No mentions found." in page
    assert "http" not in page  # nothing is fetched


def test_the_terminal_shows_brackets_and_a_table(nlp):
    shown = docs_to_terminal([("note", nlp(TEXT)), ("empty", nlp(""))], colour=False)
    assert "[heart attack|CONDITION]" in shown
    assert "[heart attack|CONDITION, absent]" in shown
    assert "heart attack ×2" not in shown  # what is denied has a row of its own
    assert "I21.9" in shown
    assert "No mentions found." in shown
    assert "\x1b" not in shown
