"""Tags and spans agree with each other and with seqeval."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities

from medlink.evaluation.ner import Scores, score_spans
from medlink.recognition.tags import decode, spans_to_tags, tag_score, tags_to_spans

TAGS = st.lists(st.integers(0, 2), min_size=1, max_size=30)


def iob(tags):
    return ["O" if tag == 0 else f"{'OBI'[tag]}-X" for tag in tags]


@given(TAGS)
def test_spans_are_those_of_seqeval(tags):
    expected = [(start, end + 1) for _, start, end in get_entities(iob(tags))]
    assert tags_to_spans(np.array(tags)) == expected


@given(TAGS)
def test_spans_survive_the_way_through_tags(tags):
    spans = tags_to_spans(np.array(tags))
    assert tags_to_spans(spans_to_tags(spans, len(tags))) == spans


def test_of_overlapping_spans_the_longest_is_kept():
    assert tags_to_spans(spans_to_tags([(0, 2), (1, 5), (6, 7)], 8)) == [(1, 5), (6, 7)]


@given(st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=5))
def test_scores_are_those_of_seqeval(pairs):
    pairs = [(a[: min(len(a), len(b))], b[: min(len(a), len(b))]) for a, b in pairs]
    gold, predicted = [iob(a) for a, _ in pairs], [iob(b) for _, b in pairs]
    spans = [[{("X", *span) for span in tags_to_spans(np.array(tags))} for tags in pair] for pair in pairs]
    scores = score_spans([s[0] for s in spans], [s[1] for s in spans])["micro"]
    assert np.isclose(scores.f1, f1_score(gold, predicted, zero_division=0))
    assert np.isclose(scores.precision, precision_score(gold, predicted, zero_division=0))
    assert np.isclose(scores.recall, recall_score(gold, predicted, zero_division=0))


def test_scores_of_nothing_are_zero():
    assert (Scores(0, 0, 0).f1, Scores(3, 0, 0).precision, Scores(0, 3, 0).recall) == (0, 0, 0)


@given(st.lists(st.lists(st.floats(-9, 9, width=32), min_size=3, max_size=3), min_size=1, max_size=6))
def test_decoding_gives_the_most_probable_tags_in_which_no_i_follows_an_o(logits):
    logits = np.array(logits, dtype=np.float32)[:, None]
    tags = decode(logits)[:, 0].tolist()
    scores = logits[:, 0] - np.log(np.exp(logits[:, 0]).sum(-1, keepdims=True))
    allowed = [
        path
        for path in itertools.product(range(3), repeat=len(logits))
        if all(b != 2 or a != 0 for a, b in itertools.pairwise((0, *path)))
    ]
    best = max(sum(scores[i, tag] for i, tag in enumerate(path)) for path in allowed)
    assert tuple(tags) in allowed
    assert np.isclose(sum(scores[i, tag] for i, tag in enumerate(tags)), best, atol=1e-4)


def test_the_score_of_a_mention_is_the_geometric_mean_of_its_tags_probabilities():
    probabilities = np.array([[0.1, 0.8, 0.1], [0.4, 0.1, 0.5]], dtype=np.float32)
    assert np.isclose(tag_score(np.log(probabilities) + 3, np.array([1, 2])), np.sqrt(0.8 * 0.5))
