"""Mentions kept apart from their texts: what is read, and what is told where it cannot be."""

import hashlib
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medlink import MedlinkError
from medlink.formats.offsets import read_offsets
from medlink.training.corpus import read_corpus
from medlink.types import Document, Mention

NOTES = Path(__file__).parents[1] / "corpora" / "real_notes"
TEXTS = Path(__file__).parents[1].parent / "shared" / "data" / "notes"
TEXT = "Took aspirin.\r\nNo fever. Rest."


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "clinic").mkdir()
    (tmp_path / "clinic" / "1.txt").write_bytes(TEXT.encode())

    def write(**changes):
        line = {
            "file": "clinic/1.txt",
            "sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
            "length": 24,
            "mentions": {"DRUG": [[5, 12]], "CONDITION": [[18, 23]]},
        } | changes
        path = tmp_path / "offsets.jsonl"
        path.write_text(json.dumps(line) + "\n")
        return path

    return write


def test_the_annotated_part_is_read_with_its_mentions_in_order(corpus, tmp_path):
    (note,) = read_offsets(corpus(), tmp_path)
    assert note == Document("clinic/1.txt", TEXT[:24], (Mention(5, 12, "DRUG"), Mention(18, 23, "CONDITION")))
    (passage,) = read_corpus(corpus(), "offsets", {"CONDITION": "FINDING", "GENE": "GENE"}, str(tmp_path))
    assert passage.words == ["Took", "aspirin", ".", "No", "fever", "."]
    assert {label: passage.spans(label) for label in passage.tags} == {"FINDING": [(4, 5)], "GENE": []}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0"}, "is not the text that .*offsets.jsonl:1 annotates"),
        ({"file": "clinic/2.txt"}, "no such file"),
        ({"length": 20}, "a mention lies outside the 20 characters"),
        ({"length": 99}, "a mention lies outside the 99 characters"),
        ({"mentions": {"DRUG": [[5]]}}, "offsets.jsonl:1: broken"),
        ({"mentions": [5]}, "offsets.jsonl:1: broken"),
    ],
)
def test_what_cannot_be_read_is_told(corpus, tmp_path, changes, message):
    with pytest.raises(MedlinkError, match=message):
        list(read_offsets(corpus(**changes), tmp_path))


@pytest.fixture
def mend(monkeypatch):
    monkeypatch.syspath_prepend(str(NOTES))
    import mend

    yield mend.app
    del sys.modules["mend"]


def test_marked_texts_are_written_and_taken_back(corpus, tmp_path, mend):
    path, marked, back = corpus(), tmp_path / "marked", tmp_path / "back.jsonl"
    assert CliRunner().invoke(mend, ["write", str(path), str(tmp_path), str(marked)]).exit_code == 0
    assert (marked / "clinic" / "1.txt").read_bytes() == b"Took {aspirin|DRUG}.\r\nNo {fever|CONDITION}."
    assert CliRunner().invoke(mend, ["read", str(marked), str(tmp_path), str(back)]).exit_code == 0
    assert list(read_offsets(back, tmp_path)) == list(read_offsets(path, tmp_path))
    (marked / "clinic" / "1.txt").write_text("Took {ibuprofen|DRUG}.")
    told = CliRunner().invoke(mend, ["read", str(marked), str(tmp_path), str(back)])
    assert "it is not the beginning of" in str(told.exception)


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_no_annotated_note_is_in_both_splits_and_none_is_broken(split):
    if not TEXTS.is_dir():
        pytest.skip(f"{TEXTS} is not here: the real notes are not part of the repository")
    other = "heldout" if split == "train" else "train"
    notes = list(read_offsets(NOTES / f"{split}.jsonl", TEXTS))
    others = {" ".join(note.text.split()[:40]) for note in read_offsets(NOTES / f"{other}.jsonl", TEXTS)}
    assert len(notes) >= 38
    assert not others & {" ".join(note.text.split()[:40]) for note in notes}
    for note in notes:
        for one, following in zip(note.mentions, [*note.mentions[1:], None], strict=True):
            found = note.text[one.start : one.end]
            assert found == found.strip()
            assert "\n" not in found
            assert following is None or one.end <= following.start
