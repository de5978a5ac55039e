"""Documents are found and read wherever they lie, packed or not, and in the encoding they are in or not at all."""

import gzip
import io
import json
import zipfile

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from medlink import MedlinkError
from medlink.formats.encodings import decode
from medlink.formats.sources import Columns, Source, find_sources

TEXT = "Fever 38 °C,\r\nno rash.\x0b\n"


def read(*places, **options):
    return [record for source in find_sources(list(map(str, places)), **options) for record, _ in source.read()]


def texts(*places, **options):
    return {record["id"]: record["text"] for record in read(*places, **options)}


def test_files_folders_and_globs_are_read_by_path_each_once(tmp_path):
    for name in ("b.txt", "a.txt", "ward/c.text", "ward/readme.md", "odd[1].txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(TEXT.encode())
    found = texts(tmp_path, tmp_path / "a.txt", f"{tmp_path}/*.txt")
    assert list(found) == [f"{tmp_path}/{name}" for name in ("a.txt", "b.txt", "odd[1].txt", "ward/c.text")]
    assert set(found.values()) == {TEXT}
    assert list(texts(f"{tmp_path}/**/c.*")) == [f"{tmp_path}/ward/c.text"]
    assert list(texts(tmp_path / "odd[1].txt")) == [f"{tmp_path}/odd[1].txt"]
    assert read(tmp_path, tmp_path / "a.txt") == read(tmp_path / "a.txt", tmp_path)


def test_a_path_stays_as_it_was_given(tmp_path, monkeypatch):
    (tmp_path / "ward").mkdir()
    (tmp_path / "ward" / "a.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert list(texts("ward")) == ["ward/a.txt"]
    assert list(texts("ward/a.txt")) == ["ward/a.txt"]


def test_packed_files_and_archives_are_unpacked(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    (tmp_path / "b.jsonl.zst").write_bytes(zstandard.compress(json.dumps({"text": TEXT}).encode()))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("ward/d.txt", TEXT)
        archive.writestr("image.png", b"\x89")
    assert set(texts(tmp_path / "a.txt.gz", tmp_path / "b.jsonl.zst", tmp_path / "c.zip").values()) == {TEXT}
    assert list(texts(tmp_path / "c.zip")) == [f"zip://ward/d.txt::{tmp_path}/c.zip"]


def test_an_object_store_is_a_place_as_good_as_any():
    fsspec.filesystem("memory").pipe("/notes/a.txt", TEXT.encode())
    assert texts("memory://notes") == {"memory:///notes/a.txt": TEXT}
    assert texts("memory://notes/*.txt") == {"memory:///notes/a.txt": TEXT}


def test_rows_of_tables_with_columns_by_name(tmp_path):
    rows = [{"key": "1", "body": TEXT, "when": "2024-01-02", "ward": "3"}, {"key": None, "body": "", "ward": None}]
    (tmp_path / "n.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "n.parquet")
    content = 'key,body,when,ward\r\n1,"' + TEXT + '",2024-01-02,3\r\n,,,\r\n'
    (tmp_path / "n.csv").write_bytes(content.encode())
    (tmp_path / "n.tsv").write_bytes(content.replace("°C,", "°C;").replace(",", "\t").encode())
    for name in ("n.jsonl", "n.parquet", "n.csv", "n.tsv"):
        first, second = read(tmp_path / name, columns=Columns("body", "key", "when"))
        assert (first["id"], first["text"].replace(";", ","), first["date"]) == ("1", TEXT, "2024-01-02")
        assert first["metadata"] == {"ward": "3"}
        assert (second["id"], second["text"], second["metadata"]) == (f"{tmp_path}/{name}#2", "", {})
        with pytest.raises(MedlinkError, match=r"row 1 has no text in 'text'; name the column .*'key', 'body'"):
            read(tmp_path / name)


def test_omop_note_as_csv_and_parquet(tmp_path):
    row = {"note_id": 7, "person_id": 9, "note_date": "2024-01-02", "note_text": "Fever."}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "note.parquet")
    (tmp_path / "note.csv").write_text(",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n")
    for name in ("note.csv", "note.parquet"):
        (record,) = read(tmp_path / name, format="omop-note")
        assert (record["id"], record["text"], record["metadata"]) == ("7", "Fever.", {"person_id": "9"})


def test_notes_longer_than_the_limit_of_csv_are_read(tmp_path):
    (tmp_path / "n.csv").write_text("text\n" + "fever " * 100_000 + "\n")
    assert len(read(tmp_path / "n.csv")[0]["text"]) == 600_000


@pytest.mark.parametrize(
    ("name", "content", "format", "text"),
    [
        ("x.pubtator", "1|t|Fever\n1|a|in mice\n", "", "Fever\nin mice"),
        ("x.conll", "Fever\tO\nin\tO\n", "", "Fever in"),
        ("x.json", '{"documents": [{"id": "1", "passages": [{"offset": 0, "text": "Fever"}]}]}', "bioc-json", "Fever"),
        ("x.ndjson", '{"resourceType": "DocumentReference", "id": "1", "content": '
         '[{"attachment": {"contentType": "text/plain", "data": "RmV2ZXI="}}]}', "fhir", "Fever"),
    ],
)  # fmt: skip
def test_annotated_files_are_read_for_their_text(tmp_path, name, content, format, text):
    (tmp_path / name).write_text(content)
    assert [record["text"] for record in read(tmp_path / name, format=format)] == [text]


def test_brat_folders_are_read_for_their_text_files(tmp_path):
    (tmp_path / "a.txt").write_text("Fever")
    (tmp_path / "a.ann").write_text("T1\tX 0 5\tFever\n")
    assert list(texts(tmp_path, format="brat").values()) == ["Fever"]


@pytest.mark.parametrize(
    ("place", "words"), [("none.txt", "no such file"), ("empty", "no documents in it"), ("x.doc", "cannot be told")]
)
def test_places_without_documents_are_told(tmp_path, place, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.doc").write_text("x")
    with pytest.raises(MedlinkError, match=words):
        find_sources([str(tmp_path / place)])


def test_what_is_gone_or_broken_is_told(tmp_path):
    with pytest.raises(MedlinkError, match=r"gone\.txt: no such file; it may have been moved"):
        list(Source(str(tmp_path / "gone.txt"), "text").read())
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"Fever")[:-4])
    with pytest.raises(MedlinkError, match=r"a\.txt\.gz: cannot be read"):
        read(tmp_path / "a.txt.gz")
    for name, content in (("a.jsonl", "{"), ("b.jsonl", "[]"), ("a.csv", "text\na,b\n"), ("a.parquet", "x" * 20)):
        (tmp_path / name).write_text(content)
        with pytest.raises(MedlinkError, match=name):
            read(tmp_path / name)
    with pytest.raises(MedlinkError, match="unknown format 'doc'"):
        find_sources([str(tmp_path)], format="doc")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_utf8_is_read_as_it_is(text):
    for data in (text.encode(), b"\xef\xbb\xbf" + text.encode()):
        assert decode(data, "x") == (text.removeprefix("\ufeff") if data == text.encode() else text, "utf-8")


def test_an_encoding_is_named_or_detected_on_demand_and_never_guessed():
    text = "Patient naïve à la pénicilline, fièvre à 38 °C depuis hier, déjà traité."
    data = text.encode("cp1252")
    with pytest.raises(
        MedlinkError, match=r"note: not utf-8 \(byte 10\); it looks like cp1252: give --encoding cp1252"
    ):
        decode(data, "note")
    assert decode(data, "note", "windows-1252") == (text, "cp1252")
    assert decode(data, "note", "auto") == (text, "cp1252")
    assert decode(text.encode("utf-16"), "note", "auto") == (text, "utf-16")
    assert decode(text.encode("utf-16-le"), "note", "auto") == (text, "utf-16-le")
    assert decode(text.encode(), "note", "auto") == (text, "utf-8")
    with pytest.raises(MedlinkError, match="unknown encoding 'klingon'"):
        decode(data, "note", "klingon")
    with pytest.raises(MedlinkError, match=r"note: not ascii \(byte 10\)"):
        decode(data, "note", "ascii")


def test_a_long_file_is_refused_at_the_byte_that_is_wrong():
    data = b"a" * (1 << 20) + b"\xff" + b"a" * 10
    with pytest.raises(MedlinkError, match=rf"\(byte {1 << 20}\)"):
        decode(data, "note")
    assert io.BytesIO(data).read(1) == b"a"
