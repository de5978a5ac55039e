"""A terminology gives back what it was built from, and says what is wrong with one that is broken."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlink import Alias, Concept, MedlinkError, Terminology
from medlink.terminology.build import build_terminology
from medlink.terminology.columns import HashIndex, Lists, Strings

NAME = st.text(min_size=1, max_size=20).filter(str.strip)
CONCEPT = st.builds(
    Concept,
    concept_id=st.text(min_size=1, max_size=8),
    name=NAME,
    aliases=st.lists(st.builds(Alias, NAME, st.sampled_from(["exact", "narrow", "related"])), max_size=4).map(tuple),
    types=st.lists(st.sampled_from(["T047", "T121"]), unique=True, max_size=2).map(tuple),
    definition=st.text(max_size=20),
    xrefs=st.lists(st.text(min_size=1, max_size=9), max_size=2).map(tuple),
    properties=st.dictionaries(st.text(max_size=5), st.booleans() | st.text(max_size=5), max_size=2),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CONCEPT, min_size=1, max_size=6, unique_by=lambda c: c.concept_id))
def test_what_is_built_is_read_back(concepts):
    terminology = Terminology.from_records("t", concepts)
    assert len(terminology) == len(concepts)
    for concept in concepts:
        found = terminology.get(concept.concept_id)
        assert found is not None
        assert (found.name, found.types, found.definition, found.xrefs, found.properties) == (
            concept.name,
            concept.types,
            concept.definition,
            concept.xrefs,
            concept.properties,
        )
        assert {alias.text for alias in found.aliases} == {
            concept.name,
            *(alias.text for alias in concept.aliases if alias.text.strip()),
        }
        rows = terminology.exact(concept.name)
        assert concept.concept_id in {terminology.concept_ids[terminology.alias_concept[row]] for row in rows}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(CONCEPT, min_size=1, max_size=6, unique_by=lambda c: c.concept_id),
    st.sets(st.sampled_from(["T047", "T121"])),
)
def test_concepts_of_no_other_types_are_told(concepts, among):
    terminology = Terminology.from_records("t", concepts)
    expected = [bool(one.types) and set(one.types) <= among for one in terminology]
    assert terminology.of_no_other_types(among).tolist() == expected


def test_concepts_are_found_by_id_alternate_id_and_name(terminology):
    assert terminology.get("C99").concept_id == "C3"
    assert terminology.get("nothing") is None
    assert "C1" in terminology
    assert [terminology.aliases[i] for i in terminology.exact("HEART  attack")] == ["Heart attack"]
    assert [terminology.aliases[i] for i in terminology.same_words("ears, low set")] == ["Low-set ears"]
    assert terminology.ancestors(terminology.row("C3")) == {terminology.row("C2")}
    assert terminology.children(terminology.row("C2")) == [terminology.row("C3")]
    assert terminology.children(terminology.row("C3")) == []
    assert [concept.concept_id for concept in terminology] == [f"C{i}" for i in range(1, 10)]


def test_a_folder_is_memory_mapped_and_pickled_by_its_path(tmp_path, terminology):
    build_terminology(tmp_path / "t", "t", list(terminology), version="1", sources=[Path(__file__)])
    opened = Terminology(tmp_path / "t")
    assert isinstance(opened._columns["alias_text_data"].base, np.memmap)
    assert list(opened) == list(terminology)
    data = pickle.dumps(opened)
    assert len(data) < 1000
    assert list(pickle.loads(data)) == list(opened)
    assert list(pickle.loads(pickle.dumps(terminology))) == list(opened)


def test_building_again_replaces_and_leaves_nothing_behind(tmp_path, terminology):
    folder = tmp_path / "t"
    build_terminology(folder, "t", list(terminology))
    build_terminology(folder, "t", list(terminology)[:2])
    assert len(Terminology(folder)) == 2
    assert [path.name for path in tmp_path.iterdir() if "medlink-home" not in path.name] == ["t"]


@pytest.mark.parametrize(
    ("concepts", "message"),
    [
        ([], "no concept"),
        ([Concept("A", "x"), Concept("A", "y")], "two concepts"),
        ([Concept("A", " ")], "both an id and a name"),
    ],
)
def test_concepts_that_cannot_be_stored_are_refused_and_nothing_is_written(tmp_path, concepts, message):
    with pytest.raises(MedlinkError, match=message):
        build_terminology(tmp_path / "t", "t", concepts)
    assert not (tmp_path / "t").exists()


def test_a_broken_folder_is_told(tmp_path, terminology):
    folder = tmp_path / "t"
    build_terminology(folder, "t", list(terminology))
    column = folder / "alias_text_data.npy"
    data = column.read_bytes()
    column.write_bytes(data[:-3])
    with pytest.raises(MedlinkError, match="build it again"):
        Terminology(folder)
    column.unlink()
    with pytest.raises(MedlinkError, match="build it again"):
        Terminology(folder)
    column.write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "format": 0}))
    with pytest.raises(MedlinkError, match="another version"):
        Terminology(folder)


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(MedlinkError, match=r"unknown terminology 'snomed' \(installed: .*hpo"):
        Terminology.load("snomed")


@given(st.lists(st.text()))
def test_strings_are_packed_and_unpacked(strings):
    assert list(Strings(*Strings.pack(strings))) == strings


@given(st.lists(st.lists(st.integers(0, 1000))))
def test_lists_are_packed_and_unpacked(lists):
    packed = Lists(*Lists.pack(lists))
    assert [packed[i].tolist() for i in range(len(packed))] == lists


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 99))))
def test_the_index_finds_every_row_of_a_hash(entries):
    index = HashIndex(*HashIndex.pack(entries))
    for key, _ in entries:
        assert set(index[key].tolist()) == {row for other, row in entries if other == key}
    assert not len(index[7]) or any(key == 7 for key, _ in entries)


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=6), st.data())
def test_several_lists_are_read_as_one(lists, data):
    packed = Lists(*Lists.pack(lists))
    wanted = data.draw(st.lists(st.integers(0, len(lists) - 1), max_size=8))
    counts, numbers = packed.join(np.array(wanted, dtype=np.int64))
    assert counts.tolist() == [len(lists[i]) for i in wanted]
    assert numbers.tolist() == [number for i in wanted for number in lists[i]]
