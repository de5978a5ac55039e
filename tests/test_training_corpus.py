"""Annotated corpora as trainings read them: the same mentions from every format, types of codes, errors."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink import MedlinkError
from medlink.formats.brat import write_brat
from medlink.formats.conll import write_conll
from medlink.formats.jsonl import write_line
from medlink.formats.pubtator import write_pubtator
from medlink.formats.records import from_corpus
from medlink.training.corpus import checksum_of, draw, epoch_sizes, read_corpus
from medlink.types import Document, Mention

TEXT = "Took aspirin for chest pain. No fever."
DOCUMENT = Document("1", TEXT, (Mention(5, 12, "Chemical"), Mention(17, 27, "Disease"), Mention(32, 37, "Disease")))
LABELS = {"Disease": "CONDITION", "Chemical": "DRUG"}
MARKED = "Took {aspirin|DRUG} for {chest pain|R07.9}. No {fever|absent R50.9}."


@pytest.fixture
def corpus(tmp_path):
    def write(format):
        record = from_corpus(DOCUMENT)
        match format:
            case "pubtator":
                content = write_pubtator(record)
            case "brat":
                (tmp_path / "1.txt").write_text(TEXT)
                (tmp_path / "1.ann").write_text(write_brat(record))
                return tmp_path
            case "conll":
                content = write_conll(record)
            case "jsonl":
                content = write_line(record)
            case "marked":
                content = MARKED
            case _:
                content = ""
        path = tmp_path / "corpus.txt"
        path.write_text(content)
        return path

    return write


@pytest.mark.parametrize("format", ["pubtator", "brat", "conll", "jsonl", "marked"])
def test_every_format_gives_the_same_mentions(corpus, format):
    labels = {"CONDITION": "CONDITION", "DRUG": "DRUG"} if format == "marked" else LABELS
    (passage,) = read_corpus(corpus(format), format, labels)
    assert passage.words == ["Took", "aspirin", "for", "chest", "pain", ".", "No", "fever", "."]
    assert passage.spans("DRUG") == [(1, 2)]
    assert passage.spans("CONDITION") == [(3, 5), (7, 8)]


def test_marked_lines_are_texts_of_their_own(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("# a comment\nTook {aspirin|DRUG historical}.\n\nNo {fever|absent}.\n")
    took, fever = read_corpus(path, "lines", {"DRUG": "DRUG", "CONDITION": "CONDITION"})
    assert (took.words, took.spans("DRUG"), took.spans("CONDITION")) == (["Took", "aspirin", "."], [(1, 2)], [])
    assert (fever.words, fever.spans("DRUG"), fever.spans("CONDITION")) == (["No", "fever", "."], [], [(1, 2)])


def test_open_types_are_labels_as_they_are(tmp_path):
    path = tmp_path / "open.txt"
    path.write_text("# a comment\n{Lead|heavy metal} and {cat dander|allergen}.\n\nNothing here.\n")
    typed, plain = read_corpus(path, "open", {})
    assert typed.words == ["Lead", "and", "cat", "dander", "."]
    assert {label: typed.spans(label) for label in typed.tags} == {"allergen": [(2, 4)], "heavy metal": [(0, 1)]}
    assert plain.tags == {}


def test_words_of_several_types_and_types_of_no_words(tmp_path):
    path = tmp_path / "open.txt"
    path.write_text("An {old dog|mammal|animal}.{|fish}\n")
    (passage,) = read_corpus(path, "open", {})
    assert passage.words == ["An", "old", "dog", "."]
    assert {label: passage.spans(label) for label in passage.tags} == {
        "animal": [(1, 3)],
        "fish": [],
        "mammal": [(1, 3)],
    }


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 9), min_size=1),
    st.dictionaries(st.sampled_from("abc"), st.just(0) | st.floats(0, 3)),
)
def test_an_epoch_reads_each_sample_as_often_as_another(numbers, shares):
    samples = {name: [(name, i) for i in range(n)] for name, n in numbers.items()}
    sizes = epoch_sizes(samples, shares)
    drawn = Counter(draw(samples, sizes, np.random.default_rng(0)))
    for name, of in samples.items():
        counts = [drawn[one] for one in of]
        share = shares.get(name, 1.0)
        assert sum(counts) == sizes[name] == (max(1, round(len(of) * share)) if share else 0)
        assert max(counts) - min(counts) <= 1


def test_conditions_of_marked_notes_have_the_chapter_of_their_code_as_a_type(corpus):
    (passage,) = read_corpus(corpus("marked"), "marked", {"R": "SYMPTOM", "I": "CARDIOVASCULAR"})
    assert passage.spans("SYMPTOM") == [(3, 5), (7, 8)]
    assert passage.spans("CARDIOVASCULAR") == []


def test_the_checksum_of_a_folder_covers_its_files(corpus):
    folder = corpus("brat")
    before = checksum_of(folder)
    (folder / "1.ann").write_text("")
    assert checksum_of(str(folder)) != before


@pytest.mark.parametrize(
    ("format", "message"),
    [("nonsense", "unknown corpus format 'nonsense'; use one of pubtator, brat"), ("jsonl", "not a document")],
)
def test_what_cannot_be_read_is_told(tmp_path, format, message):
    path = tmp_path / "corpus.txt"
    path.write_text(json.dumps({"no": "text"}))
    with pytest.raises(MedlinkError, match=message):
        list(read_corpus(path, format, LABELS))
