"""Zero-shot mentions: what the network is given, how its scores become mentions, settings, serialisation, errors."""

import json

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Span
from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

from medlink import MedlinkError
from medlink.evaluation.gliner import score_gliner
from medlink.inference.gliner import Found, GlinerLayout, GlinerModel, decode_spans, score_span
from medlink.inference.wordpiece import WordPieceEncoder
from medlink.models import blank_pipeline
from medlink.recognition.gliner import MedlinkGliner, choose
from medlink.recognition.mentions import GROUP
from medlink.recognition.tags import spans_to_tags
from medlink.training.corpus import Passage

#: What the toy network knows: the words of a mention by the words of a label.
KNOWN = {
    "drug": [["aspirin"], ["folic", "acid"]],
    "organ": [["liver"], ["spinal", "cord"]],
    "disease": [["liver", "disease"], ["gout"]],
    "food": [["acid"]],
}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "took", "for", "the", "and", "of", "-", ".", "low"]
WORDS += sorted({word for label, names in KNOWN.items() for name in names for word in [label, *name]})


def toy_tokenizer():
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    tokenizer.add_special_tokens([AddedToken("<<ENT>>", special=True), AddedToken("<<SEP>>", special=True)])
    return tokenizer


class ToyGraph:
    """Scores words, or spans of up to three, by looking them up; its inputs are those of a GLiNER network."""

    def __init__(self, by_span):
        self.by_span = by_span
        self.tokenizer = toy_tokenizer()
        self.lengths = []

    def run(self, inputs):
        rows = []
        for ids, mask, words_mask, (length,) in zip(
            inputs["input_ids"],
            inputs["attention_mask"],
            inputs["words_mask"],
            inputs["text_lengths"],
            strict=True,
        ):
            self.lengths.append(int(mask.sum()))
            pieces = [self.tokenizer.id_to_token(i) for i in ids[mask == 1].tolist()]
            assert (pieces[0], pieces[-1]) == ("[CLS]", "[SEP]")
            at = pieces.index("<<SEP>>")
            labels = " ".join(pieces[2:at]).split(" <<ENT>> ")
            words = [self.tokenizer.id_to_token(ids[np.flatnonzero(words_mask == n)[0]]) for n in range(1, length + 1)]
            rows.append(self.scores(words, labels))
        size = max(map(len, rows))
        return np.stack([np.pad(row, [(0, size - len(row)), *[(0, 0)] * (row.ndim - 1)]) for row in rows])

    def scores(self, words, labels):
        shape = (len(words), 3, len(labels)) if self.by_span else (len(words), len(labels), 3)
        logits = np.full(shape, -4.0, dtype=np.float32)
        for column, label in enumerate(labels):
            for name in KNOWN.get(label, ()):
                for i in range(len(words) - len(name) + 1):
                    if words[i : i + len(name)] == name:
                        high = 2.0 + len(name)
                        if self.by_span:
                            logits[i, len(name) - 1, column] = high
                        else:
                            logits[i, column, 0] = logits[i + len(name) - 1, column, 1] = high
                            logits[i : i + len(name), column, 2] = high
        return logits


def toy_model(by_span=False, **layout):
    values = {
        "max_width": 3,
        "max_types": 25,
        "ent_token": "<<ENT>>",
        "sep_token": "<<SEP>>",
        "longest": 512,
        "words": "tokens",
    }
    return GlinerModel(
        ToyGraph(by_span), WordPieceEncoder(toy_tokenizer()), GlinerLayout(by_span=by_span, **(values | layout)), {}
    )


def finder(model=None, **config):
    component = MedlinkGliner(**config)
    component._model = model or toy_model()
    return component


@pytest.fixture(scope="module")
def tokenize():
    return blank_pipeline()


def found(doc):
    return [(span.text, span.label_) for span in doc.spans[GROUP]]


@pytest.mark.parametrize("by_span", [False, True])
def test_it_finds_what_is_asked_for(tokenize, by_span):
    component = finder(toy_model(by_span), labels=["drug", "organ"])
    doc = component(tokenize("Took aspirin and folic\nacid for the  spinal cord."))
    assert found(doc) == [("aspirin", "drug"), ("folic\nacid", "drug"), ("spinal cord", "organ")]
    assert [ent.text for ent in doc.ents] == ["aspirin", "folic\nacid", "spinal cord"]
    (score,) = doc.spans[GROUP][0]._.finders.values()
    assert score == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-4)


def test_words_stand_for_labels_and_a_call_may_ask_for_others(tokenize):
    component = finder(labels={"drug": "DRUG", "food": "DRUG"})
    assert found(component(tokenize("aspirin"))) == [("aspirin", "DRUG")]
    assert found(component(tokenize("aspirin for gout"), labels=["disease"])) == [("gout", "disease")]
    assert found(component(tokenize("aspirin"), threshold=0.99)) == []
    nlp = blank_pipeline("medlink_gliner")
    nlp.get_pipe("medlink_gliner")._model = toy_model()
    doc = nlp("aspirin for gout", component_cfg={"medlink_gliner": {"labels": ["disease"]}})
    assert found(doc) == [("gout", "disease")]


def test_it_asks_for_the_semantic_types_of_a_terminology(tokenize, tmp_path):
    from medlink.terminology.build import build_terminology
    from medlink.types import Concept

    build_terminology(
        tmp_path / "own", "own", [Concept("1", "Aspirin", types=("Drug",)), Concept("2", "Liver", types=("T023",))]
    )
    component = finder(terminology=str(tmp_path / "own"))
    assert list(component._asked(())) == ["drug", "body part, organ, or organ component"]
    assert found(component(tokenize("aspirin"))) == [("aspirin", "Drug")]


def test_nested_mentions_are_kept_where_they_are_wanted(tokenize):
    text = "liver disease"
    assert found(finder(labels=["organ", "disease"])(tokenize(text))) == [("liver disease", "disease")]
    nested = finder(labels=["organ", "disease"], nested=True)(tokenize(text))
    assert found(nested) == [("liver", "organ"), ("liver disease", "disease")]
    assert [ent.text for ent in nested.ents] == ["liver disease"]


def test_mentions_of_other_components_are_typed_anew(tokenize):
    doc = tokenize("aspirin for low liver disease")
    doc.spans[GROUP] = [Span(doc, 0, 1, "CONDITION"), Span(doc, 3, 5, "DRUG"), Span(doc, 2, 3, "CONDITION")]
    doc.spans[GROUP][0]._.concepts = []
    component = finder(labels={"drug": "DRUG", "disease": "CONDITION"}, retype=True)
    assert found(component(doc)) == [("aspirin", "DRUG"), ("low", "CONDITION"), ("liver disease", "CONDITION")]
    assert [list(span._.finders) for span in doc.spans[GROUP]] == [["medlink_gliner"], [], ["medlink_gliner"]]


@pytest.mark.parametrize("by_span", [False, True])
def test_a_long_text_is_read_to_its_end_and_batching_changes_nothing(tokenize, by_span):
    sentence = "took folic acid for the spinal cord and liver disease . "
    texts = [sentence * n for n in (1, 150, 0, 7, 60)] + [" \n", "☤"]
    model = toy_model(by_span)
    component = finder(model, labels=["drug", "organ", "disease"], batch_size=2)
    docs = list(component.pipe(tokenize.pipe(texts)))
    assert [len(doc.spans[GROUP]) for doc in docs] == [3, 450, 0, 21, 180, 0, 0]
    assert max(model._graph.lengths) <= 512
    for doc in docs:
        drugs = [span for span in doc.spans[GROUP] if span.label_ == "drug"]
        assert [span.start_char for span in drugs] == [i * len(sentence) + 5 for i in range(len(drugs))]
        assert all(doc.text[s.start_char : s.end_char] == s.text for s in doc.spans[GROUP])
    alone = [found(component(tokenize(text))) for text in texts]
    assert alone == [found(doc) for doc in docs]


def test_what_it_finds_of_labels_that_a_text_does_not_know_does_not_count():
    words = ["took", "aspirin", "for", "gout"]
    known = Passage(words, {"DRUG": spans_to_tags([(1, 2)], 4), "disease": spans_to_tags([], 4)})
    unknown = Passage(words, {"DRUG": spans_to_tags([(0, 1)], 4)})
    scores = score_gliner(toy_model(), [known, unknown], {"DRUG": ["drug"]})
    assert (scores["DRUG"].precision, scores["DRUG"].recall) == (0.5, 0.5)
    assert scores["disease"].predicted == 1


def test_many_labels_are_read_in_several_prompts():
    model = toy_model(max_types=2)
    (logits,) = model.logits([["took", "aspirin", "for", "gout"]], ["organ", "drug", "food", "of the", "disease"])
    assert logits.shape == (4, 5, 3)
    assert [(f.start, f.label) for f in decode_spans(logits, by_span=False, threshold=0.5)] == [(1, 1), (3, 4)]
    assert len(model._graph.lengths) == 3


def test_the_words_of_the_library_are_widened_to_tokens(tokenize):
    component = finder(toy_model(words="whitespace"), labels=["drug"])
    assert component._words(tokenize("low-acid x."), "low-acid x.") == [(0, 8), (9, 10), (10, 11)]
    doc = component(tokenize("took aspirin-gout"))
    assert all(span.text in doc.text for span in doc.spans[GROUP])


LOGITS = st.lists(st.floats(-6, 6, width=32), min_size=24, max_size=24)


@given(LOGITS, st.floats(0.05, 0.95))
@settings(deadline=None)
def test_the_score_of_a_found_span_is_that_of_the_span(values, threshold):
    logits = np.array(values, dtype=np.float32).reshape(4, 2, 3)
    for by_span in (False, True):
        for one in decode_spans(logits, by_span=by_span, threshold=threshold):
            assert one.score >= threshold
            assert 0 <= one.start < one.end <= 4
            assert score_span(logits, one.start, one.end, by_span=by_span)[one.label] == pytest.approx(one.score)


SPANS = st.builds(
    lambda start, width, label, score: Found(start, start + width, label, score),
    st.integers(0, 12),
    st.integers(1, 5),
    st.integers(0, 2),
    st.floats(0, 1),
)


@given(st.lists(SPANS, max_size=12), st.booleans())
@settings(deadline=None)
def test_chosen_spans_may_stand_together_and_the_best_is_among_them(spans, nested):
    chosen = choose(spans, nested=nested)
    for i, one in enumerate(chosen):
        for other in chosen[i + 1 :]:
            apart = one.end <= other.start or other.end <= one.start
            inside = (one.start <= other.start and other.end <= one.end) or (
                other.start <= one.start and one.end <= other.end
            )
            assert apart or (nested and inside and (one.start, one.end) != (other.start, other.end))
    if spans:
        assert max(one.score for one in chosen) == max(one.score for one in spans)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"labels": []}, "no label to look for"),
        ({"labels": "drug"}, r"labels must be a list, as \['drug'\]"),
        ({"labels": ["drug", ""]}, "label '' is empty"),
        ({"labels": ["drug " * 300]}, "is too long"),
    ],
)
def test_labels_that_cannot_be_read_are_told(tokenize, config, message):
    with pytest.raises(MedlinkError, match=message):
        finder(**config)(tokenize("aspirin"))


@pytest.mark.parametrize(
    ("config", "message"),
    [({"threshold": 1.5}, "threshold must be from 0 to 1"), ({"batch_size": 0}, "batch_size must be at least 1")],
)
def test_settings_out_of_range_are_told(config, message):
    with pytest.raises(MedlinkError, match=message):
        MedlinkGliner(**config)


def test_without_a_model_it_says_what_to_do(tmp_path):
    # In whichever order spaCy looks at a component's attributes when another one joins it.
    assert not hasattr(MedlinkGliner(), "model")
    nlp = spacy.blank("en")
    nlp.add_pipe("medlink_gliner", config={"labels": ["drug"]})
    with pytest.raises(MedlinkError, match="medlink_gliner has no model; set config"):
        nlp("text")
    with pytest.raises(MedlinkError, match=r"pip install medlink|no GLiNER model can be loaded"):
        MedlinkGliner(labels=["drug"], model=tmp_path)(nlp.make_doc("text"))
    nlp.to_disk(tmp_path / "empty")
    assert spacy.load(tmp_path / "empty").pipe_names == ["medlink_gliner"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "gliner_config.json is broken"),
        ("{}", "gliner_config.json is broken"),
        ({"model_type": "gliner_bi_encoder_span"}, "'gliner_bi_encoder_span' is not supported; use a uni-encoder"),
        ({"labels_encoder": "x"}, "not supported; use a uni-encoder"),
        ({"subtoken_pooling": "mean"}, "pool the first piece"),
    ],
)
def test_a_config_of_another_kind_is_told(config, message):
    text = config if isinstance(config, str) else json.dumps({"span_mode": "markerV0", "max_width": 12} | config)
    with pytest.raises(MedlinkError, match=message):
        GlinerLayout.read(text, "model")
