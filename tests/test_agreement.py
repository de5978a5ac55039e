"""Words that are read alike over a document."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink import MedlinkError
from medlink.recognition.agreement import agreeing
from medlink.recognition.ner import MedlinkNer
from medlink.recognition.tags import decode

WORDS = st.lists(st.sampled_from(["Asthma", "asthma", "in", "2", "/"]), min_size=1, max_size=12)


def logits_for(words):
    return np.random.default_rng(len(words)).normal(size=(len(words), 2, 3)).astype(np.float32)


def mentioned(logits):
    """How surely each word is in a mention of the first label."""
    return np.logaddexp(logits[:, 0, 1], logits[:, 0, 2]) - logits[:, 0, 0]


def test_a_name_is_found_where_another_sentence_makes_it_plain():
    words = ["Lyrica", "helps", ".", "On", "LYRICA", "still"]
    logits = np.zeros((6, 1, 3), dtype=np.float32)
    logits[:, 0, 0] = 4
    logits[0, 0] = 0, 8, 0
    logits[4, 0] = 1, 0.5, 0
    assert decode(logits)[:, 0].tolist() == [1, 0, 0, 0, 0, 0]
    assert decode(agreeing(logits, words, 0.3))[:, 0].tolist() == [1, 0, 0, 0, 1, 0]


@given(WORDS)
def test_at_a_share_of_one_a_word_is_equally_sure_everywhere(words):
    after = mentioned(agreeing(logits_for(words), words, 1.0))
    for word in {word.casefold() for word in words if word.isalpha()}:
        assert np.ptp([after[i] for i, one in enumerate(words) if one.casefold() == word]) < 1e-4


@given(WORDS, st.floats(0, 1))
def test_numbers_and_words_that_stand_once_are_left_as_they_are(words, share):
    before = logits_for(words)
    after = agreeing(before, words, share)
    lower = [word.casefold() for word in words]
    alone = [i for i, word in enumerate(lower) if not word.isalpha() or lower.count(word) == 1]
    np.testing.assert_allclose(after[alone], before[alone], atol=1e-5)
    assert np.array_equal(after[:, :, 1:], before[:, :, 1:])


def test_no_share_changes_nothing_and_more_than_all_is_refused():
    before = logits_for(["asthma", "asthma"])
    assert np.array_equal(agreeing(before, ["asthma", "asthma"], 0), before)
    with pytest.raises(MedlinkError, match="agreement must be from 0 to 1, not"):
        MedlinkNer(agreement=1.5)
