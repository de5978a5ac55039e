"""The command line as a user meets it: output, files, errors in one line, exit codes."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from medlink.models import find_model

BIN = Path(sys.executable).parent / "medlink"
NOTE = "Denies chest pain.\r\nHad a heart attack 🙂 in 2019; takes aspirin.\n"


def medlink(*arguments, stdin="", **environment):
    return subprocess.run(
        [BIN, *map(str, arguments)],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        env={**os.environ, **environment},
        check=False,
    )


def failed(result, *words):
    error = result.stderr.decode()
    assert result.returncode == 2
    assert result.stdout == b""
    assert error.startswith("medlink: ")
    assert error.count("\n") == 1
    assert all(word in error for word in words), error


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "note.txt"
    path.write_bytes(NOTE.encode())
    return path


def test_version_and_help():
    assert medlink("--version").stdout.startswith(b"medlink 0.")
    assert b"annotate" in medlink("--help").stdout
    shown = medlink("--show-completion", _MEDLINK_COMPLETE="source_bash")
    assert shown.returncode == 0


@pytest.mark.slow
def test_import_and_help_are_quick():
    code = "import time; t = time.perf_counter(); import medlink; print(time.perf_counter() - t)"

    def import_time():
        return float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)

    def help_time():
        began = time.perf_counter()
        medlink("--help")
        return time.perf_counter() - began

    # Whatever else the machine does at times, it takes no longer than that.
    assert any(import_time() < 0.5 for _ in range(10))
    assert any(help_time() < 0.5 for _ in range(10))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("csv", b",heart attack,CONDITION,"),
        ("parquet", b"PAR1"),
        ("bioc-xml", b"<text>heart attack</text>"),
        ("bioc-json", b'"text": "heart attack"'),
        ("pubtator", b"\theart attack\tCONDITION\t"),
        ("conll", b"\tB-CONDITION\n"),
        ("fhir", b'"resourceType": "Condition"'),
        ("omop", b"negation=false;"),
    ],
)
def test_annotate_writes_formats(note, tmp_path, name, words):
    output = tmp_path / "out"
    result = medlink("annotate", note, "--format", name, "-o", output)
    assert result.returncode == 0, result.stderr
    assert words in output.read_bytes()


def test_annotate_shows_the_note_and_a_table(note):
    result = medlink("annotate", note)
    shown = result.stdout.decode()
    assert result.returncode == 0, result.stderr
    assert "[chest pain|CONDITION, absent]" in shown
    assert "[heart attack|CONDITION, historical]" in shown
    assert "[aspirin|DRUG]" in shown
    assert "I21.9 Acute" in shown


def test_annotate_reads_standard_input_and_writes_jsonl(note):
    result = medlink("annotate", "-", note, "--format", "jsonl", stdin=NOTE)
    first, second = map(json.loads, result.stdout.decode().splitlines())
    assert first["text"] == second["text"] == NOTE
    assert first["mentions"] == second["mentions"]
    assert (first["id"], second["id"]) == ("-", str(note))
    for mention in first["mentions"]:
        assert NOTE[mention["start"] : mention["end"]] == mention["text"]


def test_annotate_writes_a_page(note, tmp_path):
    result = medlink("annotate", note, "--format", "html", "-o", tmp_path / "page.html")
    assert (result.returncode, result.stdout) == (0, b"")
    assert "I21.9" in (tmp_path / "page.html").read_text("utf-8")


def test_annotate_reads_tables_and_says_which_encoding_it_detected(tmp_path):
    (tmp_path / "notes.csv").write_bytes("nr,body\n7,Fever 38 °C. Takes aspirin.\n".encode("cp1252"))
    result = medlink(
        *("annotate", tmp_path, "--format", "jsonl", "--text-column", "body", "--id-column", "nr", "--encoding", "auto")
    )
    assert json.loads(result.stdout)["id"] == "7"
    assert b"notes.csv: not UTF-8, read as cp1252" in result.stderr


def test_annotate_takes_an_empty_note(tmp_path):
    (tmp_path / "empty.txt").write_text("")
    result = medlink("annotate", tmp_path / "empty.txt")
    assert result.returncode == 0
    assert "No mentions found." in result.stdout.decode()


def test_a_bad_note_stops_the_run_before_anything_is_written(note, tmp_path):
    out = tmp_path / "out.jsonl"
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"caf\xe9")
    for bad, word in ((tmp_path / "none.txt", "no such file"), (latin, "not utf-8"), (tmp_path, "looks like cp1252")):
        failed(medlink("annotate", note, bad, "--format", "jsonl", "-o", out), word)
        failed(medlink("annotate", note, bad), word)
    failed(medlink("annotate", "-", stdin=b"\xff"), "-: not utf-8")
    failed(medlink("annotate", note, "-o", tmp_path / "no" / "folder.txt"), "cannot be written")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latin.txt", "note.txt"]


def test_an_unknown_or_broken_model_is_told(note, tmp_path):
    failed(medlink("annotate", note, "--model", "en_nothing"), "unknown model 'en_nothing'", "pip install")
    broken = tmp_path / "broken"
    shutil.copytree(find_model("en_medlink_sm"), broken)
    weights = broken / "medlink_ner" / "model.onnx"
    weights.write_bytes(weights.read_bytes()[:5_000_000])
    failed(medlink("annotate", note, "--model", broken), "corrupt", "install the model package again")
    (broken / "config.cfg").write_text("[nlp")
    failed(medlink("annotate", note, "--model", broken), "cannot be loaded")


def test_link_ranks_and_marks_nil():
    result = medlink("link", "heart attack", "--terminology", "icd10cm")
    assert result.returncode == 0
    assert "I21.9" in result.stdout.decode()
    lines = (
        medlink("link", "heart attack", "sparrow", "-t", "icd10cm", "-k", "3", "--json").stdout.decode().splitlines()
    )
    first, second = map(json.loads, lines)
    assert first["candidates"][0]["concept_id"] == "I21.9"
    assert first["candidates"][0]["nil"] is False
    assert all(candidate["nil"] for candidate in second["candidates"])
    failed(medlink("link", "x", "-t", "snomed"), "unknown terminology 'snomed'", "medlink terminology build")
    failed(medlink("link", "x", "--threshold", "2"), "between 0 and 1")
    failed(medlink("link", "x", "-k", "0"), "at least 1")


def test_a_terminology_of_ones_own_is_built_listed_and_searched(tmp_path, home):
    source = tmp_path / "mine.jsonl"
    source.write_text('{"id": "L1", "name": "Alder disease", "synonyms": ["alder syndrome"]}\n')
    built = medlink("terminology", "build", "mine", "--format", "jsonl", source, "--version", "7")
    assert built.returncode == 0, built.stderr
    assert b"1 concepts, 2 names" in built.stdout
    assert b"mine" in medlink("terminology", "list").stdout
    described = medlink("terminology", "info", "mine").stdout.decode()
    assert "version   7" in described
    assert "mine.jsonl sha256:" in described
    assert b"alder syndrome" in medlink("terminology", "search", "mine", "L1").stdout
    assert b"L1  Alder disease" in medlink("terminology", "search", "mine", "alder diseases").stdout
    assert medlink("terminology", "search", "mine", "sparrow").returncode == 1
    assert (
        json.loads(medlink("link", "Alder syndrome", "-t", "mine", "--json").stdout)["candidates"][0]["concept_id"]
        == "L1"
    )
    source.write_text('{"id": "L1"}\n')
    failed(medlink("terminology", "build", "mine", "-f", "jsonl", source), "mine.jsonl:1", "name")
    assert b"2 names" in built.stdout
    assert b"alder syndrome" in medlink("terminology", "search", "mine", "L1").stdout  # the old build is untouched


def test_bad_builds_leave_nothing(tmp_path, home):
    failed(medlink("terminology", "build", "mine"), "unknown format", "icd10cm, hpo, obo, medic")
    failed(medlink("terminology", "build", "../x", "-f", "jsonl"), "cannot be a terminology's name")
    failed(medlink("terminology", "build", "mine", "-f", "jsonl"), "needs a source")
    failed(medlink("terminology", "build", "hpo", tmp_path / "none.obo"), "no such file")
    (tmp_path / "x.xml").write_text("<a>")
    failed(medlink("terminology", "build", "icd10cm", tmp_path / "x.xml", tmp_path / "x.xml"), "not well-formed")
    assert not home.exists()


@pytest.mark.slow
def test_icd10cm_is_built_from_its_package(home):
    assert b"98,466 concepts" in medlink("terminology", "build", "icd10cm").stdout


def test_info_names_the_runtime_and_the_terminologies():
    shown = medlink("info").stdout.decode()
    assert "CPUExecutionProvider" in shown
    assert "terminology   icd10cm" in shown


def test_a_reader_that_goes_away_is_no_error(note):
    command = f"'{BIN}' annotate '{note}' --format html | head -c 1"
    result = subprocess.run(command, shell=True, capture_output=True, check=False)
    assert result.stderr == b""
