"""The figures that medlink claims, measured on the development splits where they are at hand."""

from pathlib import Path

import pytest

from medlink import MedlinkError, Terminology
from medlink.evaluation.corpora import evaluate_dictionary, evaluate_ner
from medlink.evaluation.names import evaluate_names

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_strict_f1_of_the_shipped_model(nlp, shared_data, monkeypatch):
    monkeypatch.chdir(ROOT)
    scores = evaluate_ner(nlp, ROOT / "configs" / "ner.cfg")
    f1 = {name: by_label["micro"].f1 for name, by_label in scores.items()}
    assert f1["bc5cdr"] >= 0.84
    assert f1["ncbi-disease"] >= 0.82
    assert f1["anatem"] >= 0.80


@pytest.mark.slow
def test_the_dictionary_finder_on_gsc(shared_data):
    scores, documents, seconds = evaluate_dictionary(shared_data / "hpo-gsc" / "dev.tsv", "hpo")
    assert scores.f1 >= 0.62
    assert documents / seconds >= 300


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scopes", "least"), [("icd10cm", ["preferred"], 0.999), ("hpo", ["exact"], 0.99)])
def test_names_link_to_their_own_concept(name, scopes, least):
    result = evaluate_names(Terminology.load(name), scopes)
    assert result.names > 10_000
    assert result.right / result.names >= least


def test_names_count_ties_and_misses(terminology):
    result = evaluate_names(terminology, ["preferred"])
    assert (result.names, result.right, result.ties, result.wrong) == (9, 9, 0, [])
    with pytest.raises(MedlinkError, match="unknown scope"):
        evaluate_names(terminology, ["near"])


def test_a_pipeline_without_ner_is_told(terminology):
    import spacy

    with pytest.raises(MedlinkError, match="no medlink_ner"):
        evaluate_ner(spacy.blank("en"), Path("x"))
