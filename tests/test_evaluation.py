"""The figures that medlink claims, measured on the development splits where they are at hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from medlink import Alias, Concept, Linker, MedlinkError, Terminology
from medlink.evaluation.corpora import evaluate_concepts, evaluate_dictionary, evaluate_ner, score_ner
from medlink.evaluation.linking import crosswalk_gold, evaluate_linking, leave_out, read_gold, read_unknown
from medlink.evaluation.names import evaluate_names
from medlink.terminology.readers import READERS
from medlink.training.settings import NerSettings
from medlink.types import LABELS

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def strict(nlp):
    """What the shipped model scores on notes that no training saw; it has read the development splits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return evaluate_ner(nlp, Path("configs/ner-release.cfg"))


@pytest.mark.parametrize(
    ("corpus", "least", "least_of_a_label"),
    [("clinical-notes, held out", 0.82, 0.73), ("real-notes, held out", 0.8, 0.7)],
)
def test_strict_f1_of_the_shipped_model(strict, corpus, least, least_of_a_label):
    if corpus.startswith("real-notes") and corpus not in strict:
        pytest.skip("../shared/data/notes is not here: the real notes are not part of the repository")
    scores = strict[corpus]
    assert scores["micro"].f1 >= least
    # No gene stands in the held-out real notes.
    known = [label for label in LABELS if label in scores and scores[label].gold]
    assert [label for label in LABELS if label not in known] == (["GENE"] if "real" in corpus else [])
    assert min(scores[label].f1 for label in known) >= least_of_a_label


def test_a_corpus_whose_texts_are_missing_is_left_out_and_named(nlp, monkeypatch, caplog):
    monkeypatch.chdir(ROOT)
    settings = NerSettings.load("configs/ner-release.cfg")
    corpora = {"real-notes": replace(settings.corpora["real-notes"], texts="nowhere")}
    assert score_ner(nlp.get_pipe("medlink_ner"), nlp.vocab, replace(settings, corpora=corpora)) == {}
    assert "real-notes, held out: left out, its texts are not in nowhere" in caplog.text


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


@pytest.fixture(scope="module")
def medic(shared_data):
    source = READERS["medic"].read([shared_data / "medic" / "medic_06Jul2012.txt"])
    terminology = Terminology.from_records("medic", list(source.concepts))
    return Linker.load("en_medlink_sm", [terminology])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("corpus", "labels", "accuracy", "recall", "error"),
    [("ncbi-disease", (), 0.9, 0.985, 0.055), ("bc5cdr", ("Disease",), 0.912, 0.98, 0.05)],
)
def test_gold_mentions_are_linked_to_medic(medic, shared_data, corpus, labels, accuracy, recall, error):
    gold = read_gold(shared_data / corpus / "dev.pubtator.txt", labels)
    # The shipped priors count the development splits as well.
    scores = evaluate_linking(leave_out(medic, gold), medic.terminologies[0], gold)
    assert scores.accuracy(1) >= accuracy
    assert scores.accuracy(25) >= recall
    assert scores.calibration_error <= error


@pytest.mark.slow
def test_what_is_in_no_way_in_the_dictionary_is_nil(medic):
    unknown = read_unknown(ROOT / "corpora" / "nil" / "heldout.txt")
    for linker in (medic, Linker.load("en_medlink_sm", ["icd10cm"]), Linker.load("en_medlink_sm", ["hpo"])):
        scores = evaluate_linking(linker, linker.terminologies[0], unknown)
        assert scores.nil_gold == 300
        assert scores.nil_recall >= 0.9


@pytest.mark.slow
def test_names_of_another_ontology_are_linked_to_icd10cm(shared_data):
    linker = Linker.load("en_medlink_sm", [Terminology.load("icd10cm")])
    gold = crosswalk_gold(sorted((shared_data / "disease-ontology").glob("*.obo")), "ICD10CM")[1::4]
    scores = evaluate_linking(linker, linker.terminologies[0], gold)
    assert scores.accuracy(1) >= 0.4
    assert evaluate_linking(linker, linker.terminologies[0], gold, category=3).accuracy(5) >= 0.8


@pytest.mark.slow
def test_concepts_of_abstracts_are_found_from_raw_text(nlp, shared_data):
    assert evaluate_concepts(nlp, shared_data / "hpo-gsc" / "dev.tsv", "hpo").f1 >= 0.72


@pytest.mark.slow
def test_gold_mentions_are_linked_the_same_in_any_batch_and_order(medic, shared_data):
    gold = read_gold(shared_data / "ncbi-disease" / "dev.pubtator.txt")[:120]
    mentions, contexts = [one.text for one in gold], [one.context for one in gold]
    together = medic.link(mentions, contexts, k=5)
    assert medic.link(mentions[::-1], contexts[::-1], k=5)[::-1] == together
    alone = [medic.link([mention], [context], k=5)[0] for mention, context in zip(mentions, contexts, strict=True)]
    assert alone == together


def test_names_count_ties_and_misses(terminology):
    result = evaluate_names(terminology, ["preferred"])
    assert (result.names, result.right, result.ties, result.wrong) == (9, 9, 0, [])
    with pytest.raises(MedlinkError, match="unknown scope"):
        evaluate_names(terminology, ["near"])


def test_a_code_below_a_category_that_has_its_name_is_right():
    codes = Terminology.from_records(
        "codes",
        [
            Concept("G43", "Migraine"),
            Concept("G43.9", "Migraine, unspecified", (Alias("Migraine", "exact"),), (), ("G43",)),
            Concept("G44", "Headache"),
            Concept("R51", "Pain in the head", (Alias("Headache", "exact"),)),
        ],
    )
    result = evaluate_names(codes, ["preferred"])
    assert (result.names, result.right, result.below) == (4, 4, 1)
    assert evaluate_names(codes, ["exact"]).wrong == [("R51", "Headache", "G44")]


def test_a_pipeline_without_ner_is_told(terminology):
    import spacy

    with pytest.raises(MedlinkError, match="no medlink_ner"):
        evaluate_ner(spacy.blank("en"), Path("x"))
