"""A name that is a part of a list with a word in common is widened to the list, one that commas part to all of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink.models import blank_pipeline
from medlink.recognition.lists import widen, with_added

NAMES = {
    frozenset(name.split())
    for name in (
        "renal anomalies; otic anomalies; branchial anomalies; heart failure; liver failure; lung abscess; "
        "urge incontinence; urgency; urgency incontinence; bowel disease; ulcer disease; mouth ulcer; stroke; "
        "stroke embolism; pulmonary embolism; neoplasms breast; neoplasms ovary; neoplasms uterus; shortness breath; "
        "shortness chest; hernia; hernia umbilical; depression; anxiety; anxiety depression; depression recurrent; "
        "depression recurrent severe; asthma; gastroparesis; diabetic; gastroparesis diabetic"
    ).split(";")
}
TOKENIZE = blank_pipeline()


def is_name(words):
    return frozenset(word.lower() for word in words) - {"of", "the"} in NAMES


def widened(text, name):
    tokens = [token.text for token in TOKENIZE(text)]
    words = name.split()
    start = next(i for i in range(len(tokens)) if tokens[i : i + len(words)] == words)
    first, last = widen(tokens, start, start + len(words), is_name)
    return " ".join(tokens[first:last])


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("with otic and renal anomalies", "renal anomalies", "otic and renal anomalies"),
        ("Branchial, otic, and renal anomalies", "renal anomalies", "Branchial , otic , and renal anomalies"),
        ("otic, orofacial, or renal anomalies", "renal anomalies", "otic , orofacial , or renal anomalies"),
        ("orofacial or renal anomalies", "renal anomalies", "renal anomalies"),
        ("liver and heart failure.", "heart failure", "liver and heart failure"),
        ("the liver, heart failure", "heart failure", "heart failure"),  # without "and" it may be any list
        ("urgency and urge incontinence", "urge incontinence", "urge incontinence"),  # a name by itself
        ("stroke or pulmonary embolism", "pulmonary embolism", "pulmonary embolism"),
        ("bowel disease or mouth ulcer", "mouth ulcer", "mouth ulcer"),  # the word ends a name of its own
        ("neoplasms of the breast and ovary", "neoplasms of the breast", "neoplasms of the breast and ovary"),
        (
            "neoplasms of breast, the ovary and the uterus, as",
            "neoplasms of breast",
            "neoplasms of breast , the ovary and the uterus",
        ),
        ("shortness of breath or chest pain", "shortness of breath", "shortness of breath"),  # "chest" ends no phrase
        ("heart failure", "heart failure", "heart failure"),
        ("and stroke", "stroke", "stroke"),
    ],
)
def test_a_name_is_widened_to_its_list(text, name, expected):
    assert widened(text, name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hernia, umbilical; stroke", "hernia , umbilical"),
        ("hernia, umbilical", "hernia , umbilical"),
        ("depression, recurrent, severe.", "depression , recurrent , severe"),
        ("depression, recurrent, asthma", "depression , recurrent"),
        ("anxiety, depression", "anxiety"),  # each is a name by itself
        ("hernia (H), umbilical", "hernia ( H ) , umbilical"),
        ("gastroparesis, diabetic", "gastroparesis , diabetic"),  # so is this, but an adjective
        ("hernia, umbilical stroke", "hernia"),  # the comma adds something else
        ("hernia, asthma, umbilical", "hernia"),
        ("hernia,\numbilical", "hernia"),
        ("hernia", "hernia"),
    ],
)
def test_what_commas_add_belongs_to_a_name(text, expected):
    tokens = [token.text for token in TOKENIZE(text)]
    end, words = with_added(tokens, 0, 1, is_name)
    assert " ".join(tokens[:end]) == expected
    assert is_name(words)


WORDS = st.sampled_from(
    ["renal", "otic", "anomalies", "and", "or", ",", "of", "the", "breast", "neoplasms", "stroke", "."]
)


@given(st.lists(WORDS, min_size=1, max_size=12), st.data())
def test_the_list_holds_the_name_and_lies_in_the_text(tokens, data):
    start = data.draw(st.integers(0, len(tokens) - 1))
    end = data.draw(st.integers(start + 1, len(tokens)))
    first, last = widen(tokens, start, end, is_name)
    assert 0 <= first <= start < end <= last <= len(tokens)
    assert tokens[first] not in {"and", "or", ","} or first == start
