"""The token classifier as a component: long texts, batches, serialisation, errors."""

import json
import pickle
import shutil

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc

from medlink import MedlinkError
from medlink.models import find_model
from medlink.recognition.mentions import GROUP, add_mentions
from medlink.recognition.ner import MedlinkNer
from medlink.recognition.tags import log_probabilities

MODEL = find_model("en_medlink_sm") / "medlink_ner"
SENTENCE = "Treatment with cisplatin caused nephrotoxicity in patients with ovarian cancer. "


@pytest.fixture(scope="module")
def pipeline():
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": "medlink.ClinicalTokenizer.v1"}}})
    nlp.add_pipe("medlink_ner").load_model(MODEL)
    return nlp


def mentions(doc):
    return [(span.start_char, span.end_char, span.label_) for span in doc.spans[GROUP]]


def test_it_finds_conditions_and_drugs(pipeline):
    found = {(ent.text, ent.label_) for ent in pipeline(SENTENCE).ents}
    assert {("cisplatin", "DRUG"), ("nephrotoxicity", "CONDITION"), ("ovarian cancer", "CONDITION")} <= found


def test_mentions_below_the_threshold_are_left_out(pipeline):
    text = "ALL band, stress of the jaw or NSVD: cold feet after the shunt, ENT happy with the drain and the pop."

    def scores(threshold):
        doc = MedlinkNer(threshold=threshold).load_model(MODEL)(pipeline.make_doc(text))
        return [span._.finders["medlink_ner"] for span in doc.spans[GROUP]]

    every = scores(0.0)
    middle = sum(sorted(every)[:2]) / 2
    assert scores(middle) == [score for score in every if score >= middle] != every
    assert scores(1.0) == []
    with pytest.raises(MedlinkError, match="threshold must be from 0 to 1"):
        MedlinkNer(threshold=1.5)


@pytest.mark.slow
def test_a_long_text_is_read_to_its_end_and_no_mention_counted_twice(pipeline):
    repeats = 200  # some 3,000 pieces, eight windows
    doc = pipeline(SENTENCE * repeats)
    drugs = [span.start_char for span in doc.spans[GROUP] if span.label_ == "DRUG"]
    assert drugs == [i * len(SENTENCE) + SENTENCE.index("cisplatin") for i in range(repeats)]


@pytest.mark.slow
def test_batching_changes_no_mention(pipeline):
    rng = np.random.default_rng(0)
    words = (SENTENCE + "The patient with diabetes mellitus took metformin for renal failure . ").split()
    texts = [" ".join(rng.choice(words, size=rng.integers(1, 700))) for _ in range(24)]
    alone = [mentions(pipeline(text)) for text in texts]
    assert [mentions(doc) for doc in pipeline.pipe(texts)] == alone
    assert [mentions(doc) for doc in pipeline.pipe(texts[::-1], batch_size=5)][::-1] == alone
    small = MedlinkNer(batch_size=1, threads=1).load_model(MODEL)
    assert [mentions(doc) for doc in small.pipe(map(pipeline.make_doc, texts))] == alone


@pytest.mark.parametrize(
    "words", [[], [" "], ["\n\n"], ["a" * 5000], ["\u200b", "\ufeff"], ["[SEP]", "[MASK]"], ["👩‍⚕️", "مرض"]]
)
def test_odd_documents_are_passed_through(pipeline, words):
    doc = pipeline.get_pipe("medlink_ner")(Doc(pipeline.vocab, words=words))
    assert len(doc) == len(words)


def test_a_mention_spans_a_line_break_but_not_a_blank_line(pipeline):
    wrapped = pipeline("She had ovarian\ncancer and took cisplatin.")
    assert "ovarian\ncancer" in {ent.text for ent in wrapped.ents}
    apart = pipeline("She had ovarian\n\ncancer and took cisplatin.")
    assert not any("\n" in ent.text for ent in apart.ents)


def test_it_survives_bytes_disk_and_pickle(pipeline, tmp_path):
    expected = mentions(pipeline(SENTENCE))
    finder = pipeline.get_pipe("medlink_ner")
    finder.to_disk(tmp_path / "ner")
    for again in (
        MedlinkNer().from_bytes(finder.to_bytes()),
        MedlinkNer().from_disk(tmp_path / "ner"),
        pickle.loads(pickle.dumps(finder)),
    ):
        assert mentions(again(pipeline.make_doc(SENTENCE))) == expected
        assert again.labels == finder.labels


def test_two_classifiers_answer_together_and_the_first_alone(pipeline, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(MODEL, folder)
    layout = json.loads((folder / "ner.json").read_text())

    def logits(share, **settings):
        (folder / "ner.json").write_text(json.dumps({**layout, "share_of_second": share}))
        classifier = MedlinkNer(**settings).load_model(folder).model
        return classifier.logits(classifier.encoder.encode([SENTENCE.split()]))[0]

    first, second = logits(0.0), logits(0.999999)
    assert not np.allclose(log_probabilities(first), second, atol=0.5)
    both = logits(0.25)
    assert np.allclose(both, 0.75 * log_probabilities(first) + 0.25 * log_probabilities(second), atol=1e-3)
    assert np.array_equal(logits(0.25, ensemble=False), first)
    # Saved whole, also where only one is asked.
    MedlinkNer(ensemble=False).load_model(folder).to_disk(tmp_path / "saved")
    again = MedlinkNer().load_model(tmp_path / "saved").model
    assert np.array_equal(again.logits(again.encoder.encode([SENTENCE.split()]))[0], both)
    (folder / "second" / "model.onnx").unlink()
    with pytest.raises(MedlinkError, match=r"second/model.onnx: cannot be read"):
        MedlinkNer().load_model(folder)


def test_stop_mentions_are_left_out():
    finder = MedlinkNer(stop_mentions=["CISPLATIN"]).load_model(MODEL)
    doc = finder(spacy.blank("en")(SENTENCE))
    assert "cisplatin" not in {span.text for span in doc.spans[GROUP]}
    for label, found in (("DRUG", False), ("CONDITION", True)):
        doc = MedlinkNer(stop_mentions=[f"{label}:Cisplatin"]).load_model(MODEL)(spacy.blank("en")(SENTENCE))
        assert ("cisplatin" in {span.text for span in doc.spans[GROUP]}) is found


def test_without_a_model_it_says_what_to_do():
    nlp = spacy.blank("en")
    nlp.add_pipe("medlink_ner")
    with pytest.raises(MedlinkError, match="has no model; load a pipeline"):
        nlp("text")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("model.onnx", b"not a model", "weights are corrupt"),
        ("model.onnx", None, r"model.onnx: cannot be read"),
        ("tokenizer.json", b"{}", "tokenizer is broken"),
        ("tokenizer.json", None, "tokenizer is missing"),
        ("ner.json", b"{}", "ner.json of medlink_ner is broken"),
        ("ner.json", None, "ner.json: cannot be read"),
    ],
)
def test_a_broken_model_folder_is_told(tmp_path, file, content, message):
    folder = tmp_path / "model"
    shutil.copytree(MODEL, folder)
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(MedlinkError, match=message):
        MedlinkNer().load_model(folder)


def test_cut_off_weights_are_told(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(MODEL, folder)
    (folder / "model.onnx").write_bytes((MODEL / "model.onnx").read_bytes()[:-1000])
    with pytest.raises(MedlinkError, match="weights are corrupt"):
        MedlinkNer().load_model(folder)


def test_an_unknown_provider_is_told():
    with pytest.raises(MedlinkError, match="has no MagicExecutionProvider"):
        MedlinkNer(providers=["MagicExecutionProvider"]).load_model(MODEL)


def test_entities_are_the_longest_and_overlaps_stay_in_the_group():
    doc = spacy.blank("en")("acute breast cancer today")
    add_mentions(doc, [doc.char_span(6, 12, "ANATOMY"), doc.char_span(6, 19, "CONDITION")])
    add_mentions(doc, [doc.char_span(6, 19, "ANATOMY"), doc.char_span(20, 25, "DRUG")])
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("breast cancer", "CONDITION"), ("today", "DRUG")]
    assert len(doc.spans[GROUP]) == 4
