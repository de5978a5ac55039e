"""The linking commands: explanation, context, an own dictionary embedded, evaluation."""

import json

import pytest
from encoders import write_onnx_encoder
from test_cli import failed, medlink


@pytest.fixture
def encoder(tmp_path):
    return write_onnx_encoder(tmp_path / "encoder")


@pytest.fixture
def mine(tmp_path, home):
    source = tmp_path / "mine.jsonl"
    source.write_text(
        '{"id": "L1", "name": "Alder disease", "synonyms": ["alder syndrome"]}\n'
        '{"id": "L2", "name": "Appendicitis"}\n{"id": "L3", "name": "Kidney stone"}\n'
    )
    built = medlink("terminology", "build", "mine", "--format", "jsonl", source)
    assert built.returncode == 0, built.stderr
    return source


def test_embedding_again_does_nothing_new(mine, home, encoder):
    vectors = home / "vectors"
    of_package = set(vectors.iterdir()) if vectors.exists() else set()  # made when the terminology was built
    shown = medlink("terminology", "embed", "mine", "--encoder", encoder)
    assert b"mine: vectors of 4 names" in shown.stdout, shown.stderr
    (folder,) = set(vectors.iterdir()) - of_package
    before = json.loads((folder / "manifest.json").read_text())
    assert medlink("terminology", "embed", "mine", "--encoder", encoder).returncode == 0
    after = json.loads((folder / "manifest.json").read_text())
    assert (before["embedded"], after["embedded"]) == (4, 0)
    failed(medlink("terminology", "embed", "none"), "unknown terminology 'none'")
    failed(medlink("terminology", "embed", "mine", "--model", "en_nothing"), "unknown model")


def test_names_near_the_mention_are_found_without_a_common_word(mine, encoder):
    (line,) = medlink("link", "appendicitiss", "-t", "mine", "--json", "--encoder", encoder).stdout.splitlines()
    best = json.loads(line)["candidates"][0]
    assert best["concept_id"] == "L2"
    assert best["stages"]["dense"] > 0.5
    assert best["query"] == "appendicitiss"
    (line,) = medlink("link", "appendicitiss", "-t", "mine", "--json", "--model", "none").stdout.splitlines()
    assert all("dense" not in candidate["stages"] for candidate in json.loads(line)["candidates"])


def test_an_explanation_says_what_was_looked_up_and_by_which_stage():
    text = "Crushing chest pain and ST elevation on ECG: MI, taken to the cath lab."
    shown = medlink("link", "MI", "-t", "icd10cm", "--context", text, "--explain", COLUMNS="250").stdout.decode()
    assert "looked up" in shown
    assert "myocardial infarction" in shown
    assert "exact 0." in shown or "exact 1." in shown
    failed(medlink("link", "MI", "-t", "icd10cm", "--context", "no such mention"), "the context does not hold")


def test_linking_is_evaluated_on_mentions_lists_and_crosswalks(mine, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(
        "1|t|Alder disease (AD) was found. AD is rare.\n1|a|\n"
        "1\t0\t13\tAlder disease\tDisease\tL1\n1\t30\t32\tAD\tDisease\tL1\n\n"
    )
    result = medlink("evaluate", "link", corpus, "-t", "mine", "--label", "Disease", "--seen", corpus)
    shown = result.stdout.decode()
    assert result.returncode == 0, result.stderr
    assert "mentions     2  accuracy @1 1.0000" in shown
    assert "seen" in shown
    assert "expected calibration error" in shown
    unknown = tmp_path / "nil.txt"
    unknown.write_text("red car\nsparrow\n")
    shown = medlink("evaluate", "link", unknown, "-t", "mine", "--nil", "--errors").stdout.decode()
    assert "NIL gold 2  precision 1.0000  recall 1.0000" in shown
    obo = tmp_path / "x.obo"
    obo.write_text("format-version: 1.2\n\n[Term]\nid: X:1\nname: kidney stones\nxref: MINE:L3\n")
    shown = medlink("evaluate", "link", obo, "-t", "mine", "--crosswalk", "MINE", "--category", "1").stdout.decode()
    assert "accuracy @1 1.0000" in shown
    failed(medlink("evaluate", "link", corpus, "-t", "mine", "--label", "Drug"), "no mention has one of the labels")
    failed(medlink("evaluate", "link", corpus, "-t", "mine", "--leave-out"), "the priors do not count this corpus")


def test_encoders_that_are_none_are_told(mine, tmp_path):
    failed(medlink("link", "x", "-t", "mine", "--encoder", tmp_path / "none"), "none")
