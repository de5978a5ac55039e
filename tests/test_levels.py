"""Levels of the spine are read as its regions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink import Concept, Linker, Terminology
from medlink.linking.levels import with_region


@pytest.mark.parametrize(
    ("mention", "read"),
    [
        ("L4-5 spondylolisthesis", "lumbar spondylolisthesis"),
        ("C5-C6 disc herniation", "cervical disc herniation"),
        ("L5/S1 disc bulge", "lumbosacral disc bulge"),
        ("T8 osteomyelitis", "thoracic osteomyelitis"),
        ("stenosis at L3 - 4", "stenosis at lumbar"),
        ("C9 stenosis", "C9 stenosis"),
        ("L4-9 stenosis", "L4-9 stenosis"),
        ("T2DM", "T2DM"),
        ("IL5 excess", "IL5 excess"),
        ("L5", "L5"),
    ],
)
def test_a_level_is_read_as_its_region(mention: str, read: str) -> None:
    assert with_region(mention) == read


@given(st.text(max_size=30))
def test_what_is_no_level_stays(mention: str) -> None:
    read = with_region(mention)
    assert read == mention or any(
        region in read for region in ("cervical", "thoracic", "lumbar", "lumbosacral", "sacral")
    )


def test_a_name_with_the_level_goes_first() -> None:
    concepts = [Concept("1", "Lumbar fracture"), Concept("2", "L2 fracture"), Concept("3", "Stenosis")]
    linker = Linker([Terminology.from_records("t", concepts)])
    found = linker.link(["L2 fracture", "L4 fracture", "L4 stenosis"])
    assert [[one.concept_id for one in of if not one.nil][:1] for of in found] == [["2"], ["1"], []]
