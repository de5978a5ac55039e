"""Vectors of names: built once, searched exactly or over a graph, refused where they do not belong."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from encoders import TrigramEncoder
from hypothesis import given
from hypothesis import strategies as st

from medlink import Alias, Concept, Linker, MedlinkError, Terminology
from medlink.linking import vectors as vectors_module
from medlink.linking.dense import DenseStage
from medlink.linking.model import LinkModel
from medlink.linking.stages import Query
from medlink.linking.vectors import build_vectors, built_vectors, embed_terminology, quantize, vectors_folder


def test_the_nearest_names_come_first_with_all_concepts_that_share_them():
    terminology = Terminology.from_records(
        "twins", [Concept("A", "Cold"), Concept("B", "cold"), Concept("C", "Colds and coughs"), Concept("D", "Xyz")]
    )
    index = embed_terminology(terminology, TrigramEncoder())
    assert len(index) == 3  # "Cold" and "cold" are embedded once
    ((aliases, cosines),) = index.search(["COLD"], 2)
    assert [terminology.concept_ids[terminology.alias_concept[alias]] for alias in aliases] == ["A", "B", "C"]
    assert cosines[0] == cosines[1] == pytest.approx(1, abs=1e-4)
    assert cosines[2] < 1
    assert index.search([], 5) == []


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=6), st.integers(1, 9))
def test_a_name_finds_the_same_alone_and_in_company(terminology, names, k):
    index = embed_terminology(terminology, TrigramEncoder())
    assert index.search(names, k) == [index.search([name], k)[0] for name in names]


def test_unchanged_names_are_not_embedded_again(tmp_path):
    concepts = [Concept(f"C{i}", f"Disease number {i}") for i in range(20)]
    first = TrigramEncoder()
    build_vectors(tmp_path / "v", Terminology.from_records("t", concepts), first)
    assert len(first.embedded) == 20
    second = TrigramEncoder()
    grown = Terminology.from_records("t", [*concepts[3:], Concept("N", "New one"), Concept("M", "disease NUMBER 4")])
    index = build_vectors(tmp_path / "v", grown, second)
    assert second.embedded == ["new one"]
    whole = embed_terminology(grown, TrigramEncoder())
    assert index.search(["disease 7", "new"], 5) == whole.search(["disease 7", "new"], 5)
    other = TrigramEncoder("another encoder")
    build_vectors(tmp_path / "v", grown, other)
    assert len(other.embedded) == 18


def test_vectors_of_another_encoder_or_of_other_names_are_refused(tmp_path, terminology):
    build_vectors(tmp_path / "v", terminology, TrigramEncoder())
    with pytest.raises(MedlinkError, match=r"another encoder.*terminology embed mini"):
        vectors_module.VectorIndex(tmp_path / "v", terminology, TrigramEncoder("other"))
    changed = Terminology.from_records("mini", [Concept("X", "Something else")])
    with pytest.raises(MedlinkError, match="another terminology"):
        vectors_module.VectorIndex(tmp_path / "v", changed, TrigramEncoder())


def test_the_approximate_search_finds_what_the_exact_one_finds(tmp_path, monkeypatch):
    concepts = [
        Concept(f"C{i}", f"{a} {b}")
        for i, (a, b) in enumerate(
            (a, b) for a in ("acute", "chronic", "severe", "mild") for b in ("asthma", "colitis", "angina", "anemia")
        )
    ]
    terminology = Terminology.from_records("t", concepts)
    exact = embed_terminology(terminology, TrigramEncoder())
    monkeypatch.setattr(vectors_module, "EXACT_UP_TO", 5)
    graph = build_vectors(tmp_path / "v", terminology, TrigramEncoder())
    assert (tmp_path / "v" / "graph.npy").exists()
    for name in ("acute asthma", "severe anemias"):
        assert graph.search([name], 3)[0][0] == exact.search([name], 3)[0][0]
    again = pickle.loads(pickle.dumps(graph))
    assert again.search(["mild colitis"], 2) == graph.search(["mild colitis"], 2)


@given(st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4))
def test_quantised_vectors_keep_their_direction(values):
    vector = np.array([values], dtype=np.float32)
    if np.abs(vector).max() > 1e-6:
        small = quantize(vector).astype(np.float64)
        cosine = (small @ vector.T).item() / (np.linalg.norm(small) * np.linalg.norm(vector))
        assert cosine > 0.999


def test_vectors_built_at_home_are_found_and_stale_ones_left(terminology, caplog):
    encoder = TrigramEncoder()
    assert built_vectors(terminology, encoder) is None
    build_vectors(vectors_folder(terminology, encoder), terminology, encoder)
    encoder.embedded.clear()
    stage = DenseStage(encoder)
    stage.index(terminology)
    assert encoder.embedded == []
    changed = Terminology.from_records("mini", [Concept("X", "Something else")])
    assert len(DenseStage(encoder).index(changed)) == 1
    assert "another terminology" in caplog.text


def test_another_copy_of_a_terminology_takes_the_vectors_given():
    concepts = [Concept("A", "Asthma"), Concept("B", "Angina")]
    encoder = TrigramEncoder()
    stage = DenseStage(encoder, [embed_terminology(Terminology.from_records("t", concepts), encoder)])
    encoder.embedded.clear()
    stage.index(Terminology.from_records("t", concepts))
    assert encoder.embedded == []


def test_a_linker_with_an_encoder_finds_what_words_do_not(terminology):
    linker = Linker([terminology], model=LinkModel.from_encoder(TrigramEncoder()))
    ranked = linker.link(["retinitises"])[0]
    assert ranked[0].concept_id == "C5"
    assert "dense" in ranked[0].stages
    assert sum(candidate.score for candidate in ranked) <= 1.0001
    own = Terminology.from_records("own", [Concept("1", "Broken heart", (Alias("Takotsubo", "exact"),))])
    assert Linker([own], model=LinkModel.from_encoder(TrigramEncoder())).link(["takotsubo"])[0][0].concept_id == "1"


def test_models_open_whatever_part_of_the_linker_is_imported_first():
    # ONNX Runtime crashes where usearch was loaded before any other user of libstdc++.
    code = "import medlink.linking.vectors, onnxruntime; onnxruntime.get_available_providers()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_dense_stage_gives_each_concept_once_by_its_nearest_name():
    terminology = Terminology.from_records(
        "t", [Concept("A", "Cold", (Alias("Common cold", "exact"),)), Concept("B", "Colds and coughs")]
    )
    queries = [Query("common cold"), Query("cold")]
    near, exact = DenseStage(TrigramEncoder()).retrieve(queries, terminology, 5)
    for hits, name in ((near, "Common cold"), (exact, "Cold")):
        names = [terminology.aliases[hit.alias] for hit in hits]
        assert sorted(names) == sorted([name, "Colds and coughs"])
        assert max(hits, key=lambda hit: hit.score).score == pytest.approx(1, abs=1e-3)
