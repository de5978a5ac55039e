"""Files that other tools wrote, by the standards of their formats, are read right; broken ones are told."""

import pytest

from medlink import MedlinkError
from medlink.formats.bioc import read_bioc
from medlink.formats.brat import read_brat
from medlink.formats.conll import read_conll
from medlink.formats.jsonl import read_lines
from medlink.formats.pubtator import read_pubtator, write_pubtator
from medlink.formats.records import from_corpus
from medlink.formats.tables import read_csv, read_parquet

BIOC = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE collection SYSTEM "BioC.dtd">
<collection><source>PubMed</source><date>20240101</date><key>x.key</key><document><id>7</id>
<passage><infon key="type">title</infon><offset>0</offset><text>Fever in mice.</text>
<annotation id="0"><infon key="type">Disease</infon><infon key="identifier">MESH:D005334</infon>
<location offset="0" length="5"/><text>Fever</text></annotation></passage>
<passage><infon key="type">abstract</infon><offset>15</offset>
<sentence><offset>15</offset><text>Breast and lung cancer.</text>
<annotation id="1"><infon key="type">Disease</infon><location offset="15" length="6"/><location offset="31" length="6"/>
<text>Breast cancer</text></annotation></sentence></passage>
<relation id="R0"><infon key="type">none</infon><node refid="0" role="a"/></relation>
</document></collection>"""


def spans(record):
    return [(one["text"], one["label"]) for one in record["mentions"]]


def test_bioc_with_passages_sentences_and_parts():
    (record,) = read_bioc(BIOC, "xml", "x")
    assert record["text"] == "Fever in mice.\nBreast and lung cancer."
    assert spans(record) == [("Fever", "Disease"), ("Breast and lung cancer", "Disease")]
    concept = record["mentions"][0]["concepts"][0]
    assert (concept["terminology"], concept["concept_id"]) == ("MESH", "D005334")
    assert record["mentions"][0]["assertion"]["status"] == "present"
    with pytest.raises(MedlinkError, match=r"x: document 7 is broken .*'Fever', not 'fever'"):
        list(read_bioc(BIOC.replace("<text>Fever</text>", "<text>fever</text>"), "xml", "x"))
    with pytest.raises(MedlinkError, match="x: not BioC XML"):
        list(read_bioc("{", "xml", "x"))
    with pytest.raises(MedlinkError, match="x: not BioC JSON"):
        list(read_bioc("{", "json", "x"))


def test_brat_with_parts_relations_and_notes():
    text = "Breast and lung cancer.\r\nNo fever."
    annotations = (
        "T1\tDisease 0 6;16 22\tBreast cancer\nT2\tFinding 28 33\tfever\nA1\tStatus T2 absent\nA2\tSeen T2\n"
        "R1\tCauses Arg1:T1 Arg2:T2\nE1\tDisease:T1 Cause:T2\n*\tEquiv T1 T2\n"
        "N1\tReference T2 HPO:HP:0001945\tFever\n#1\tAnnotatorNotes T2\tnot sure\n"
    )
    record = read_brat("a", text, annotations)
    assert spans(record) == [("Breast and lung cancer", "Disease"), ("fever", "Finding")]
    fever = record["mentions"][1]
    assert fever["assertion"]["status"] == "absent"
    assert [(c["terminology"], c["concept_id"], c["name"]) for c in fever["concepts"]] == [
        ("HPO", "HP:0001945", "Fever")
    ]
    for broken in ("T1\tDisease 0 6\tLung\n", "T1\tDisease 0\tBreast\n", "N1\tReference T9 a:b\tx\n"):
        with pytest.raises(MedlinkError, match=r"a: line 1 of the \.ann file is broken"):
            read_brat("a", text, broken)


def test_conll_2003_with_four_columns_and_iob1():
    content = (
        "-DOCSTART- -X- -X- O\n\nEU NNP I-NP I-ORG\nrejects VBZ I-VP O\n\nPeter NNP I-NP I-PER\n"
        "Blackburn NNP I-NP I-PER\n\n-DOCSTART- -X- -X- O\r\n\r\na DT O B-X\r\nb NN O B-X\r\nc NN O I-X\r\n"
    )
    first, second = read_conll(content.split("\n"), "x")
    assert first["text"] == "EU rejects\nPeter Blackburn"
    assert spans(first) == [("EU", "ORG"), ("Peter Blackburn", "PER")]
    assert spans(second) == [("a", "X"), ("b c", "X")]
    assert [first["id"], second["id"]] == ["x#1", "x#2"]
    with pytest.raises(MedlinkError, match="x:1: expected 'token … O'"):
        list(read_conll(["EU\n"], "x"))


def test_pubtator_of_a_corpus_is_written_as_it_was(shared_data, tmp_path):
    source = shared_data / "bc5cdr" / "dev.pubtator.txt"
    documents = list(read_pubtator(source))
    path = tmp_path / "again.txt"
    path.write_text("".join(write_pubtator(from_corpus(one)) for one in documents), "utf-8")
    again = list(read_pubtator(path))
    assert [(d.doc_id, d.text) for d in again] == [(d.doc_id, d.text) for d in documents]
    assert [[(m.start, m.end, m.label, m.concept_ids[:1]) for m in d.mentions] for d in again] == [
        [(m.start, m.end, m.label, m.concept_ids[:1]) for m in d.mentions] for d in documents
    ]


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', '{"id": "a", "text": "x", "mentions": [{}]}'])
def test_a_broken_line_of_json_is_told(line):
    with pytest.raises(MedlinkError, match="x:2: not a document"):
        list(read_lines(["", line], "x"))


def test_a_mention_that_is_not_in_the_text_is_told():
    line = '{"id": "a", "text": "Fever", "mentions": [{"start": 0, "end": 4, "text": "Fire", "label": "X"}]}'
    with pytest.raises(MedlinkError, match=r"x:1: not a document .*the text at 0-4 is 'Feve', not 'Fire'"):
        list(read_lines([line], "x"))


def test_broken_tables_are_told():
    with pytest.raises(MedlinkError, match="x:2: not a row of mentions"):
        read_csv("document,start\r\na,b\r\n", "x")
    with pytest.raises(MedlinkError, match="not a Parquet file of mentions"):
        read_parquet(b"PAR1")
