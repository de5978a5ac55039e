"""The synthetic clinical notes are what their generator writes, marked rightly, and the held-out ones are new."""

import re
from pathlib import Path

import pytest
from conftest import scripts

from medlink import Terminology
from medlink.evaluation.marked import parse_marked
from medlink.models import find_model
from medlink.types import LABELS

FOLDER = Path(__file__).parents[1] / "corpora" / "clinical_notes"


@pytest.fixture(scope="module")
def generate():
    with scripts(FOLDER, "generate") as (module,):
        yield module


@pytest.fixture(scope="module")
def icd10cm() -> Terminology:
    return Terminology.load(find_model("en_medlink_sm") / "medlink_linker" / "terminologies" / "icd10cm")


def notes(part: str) -> list[str]:
    return [file.read_text("utf-8") for file in sorted((FOLDER / part).glob("*.txt"), key=lambda file: int(file.stem))]


def test_there_are_four_hundred_notes_and_a_fifth_is_held_out():
    train, heldout = len(notes("train")), len(notes("heldout"))
    assert train + heldout >= 400
    assert heldout >= (train + heldout) / 5


@pytest.mark.parametrize("part", ["train", "heldout"])
def test_the_notes_are_what_the_generator_writes(part, icd10cm, generate):
    assert notes(part) == generate.generate(part, icd10cm)


@pytest.mark.parametrize("part", ["train", "heldout"])
def test_marks_are_mentions_with_codes_that_exist(part, icd10cm):
    counted = dict.fromkeys(LABELS, 0)
    for note in notes(part):
        text, mentions = parse_marked(note)
        assert not re.search(r"[{}$]|\[\[", text), text
        for mention in mentions:
            words = text[mention.start : mention.end]
            assert words.strip() == words != ""
            assert mention.label == "CONDITION" or not mention.code
            assert not mention.code or icd10cm.get(mention.code) is not None, mention
            counted[mention.label] += 1
    assert min(counted.values()) >= (100 if part == "train" else 30), counted


def test_every_condition_of_the_sources_has_a_code_or_is_said_to_have_none(generate):
    codes = generate.read_codes()
    for part in ("train", "heldout"):
        for source in generate.read_sources(part):
            for text, words in re.findall(r"\{([^{}|]*)(?:\|([^{}]*))?\}", source):
                if not generate.LETTERS.keys() & set(words.split()):
                    assert text.lower() in codes, text


def test_terms_of_training_notes_are_not_put_into_held_out_ones(generate):
    terms = generate.read_terms()
    assert terms.keys() == set(LABELS)
    held_out = {(label, one.lower()) for (label, _), of in generate.read_variants("heldout").items() for one in of}
    assert not {(label, one.lower()) for label, of in terms.items() for one, _ in of} & held_out


def test_texts_alike_are_found(generate):
    one, other = (generate.triples(text) for text in ("a b c d e f", "a b c d e g"))  # three of five in common
    seen = generate.Seen()
    seen.add(generate.triples("g h i j"))
    seen.add(one)
    assert seen.has_alike(other, 0.59)
    assert not seen.has_alike(other, 0.6)
    assert seen.has_alike(one, 0.99)
    assert not seen.has_alike(generate.triples("x y z"), 0)


def test_no_note_is_another_one_over_again_and_no_held_out_note_was_seen(generate):
    seen = {part: [generate.triples(parse_marked(note)[0]) for note in notes(part)] for part in ("train", "heldout")}
    before = generate.Seen()
    for own in seen["train"] + seen["heldout"]:
        assert not before.has_alike(own, max(generate.ALIKE.values()))
        before.add(own)
    trained = frozenset().union(*seen["train"])
    shares = [len(own & trained) / len(own) for own in seen["heldout"]]
    assert sum(shares) / len(shares) < 0.2
