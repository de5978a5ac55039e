"""The type of diabetes that a note tells decides the codes of its complications."""

import pytest

from medlink.linking.diabetes import tells_type_1


@pytest.mark.parametrize(
    "note",
    [
        "44F with type 1 diabetes admitted with DKA.",
        "PMH: T1DM, HTN",
        "Diabetes mellitus, type I, poorly controlled.",
        "Denies fever. Known DM1.",
        "Type-1 diabetic on a pump.",
        "Husband well.\nT1D since age 9; sister has lupus.",
        "FHx: gout\n\nA/P: DM type 1 with retinopathy",
        "26f t1dm on pump. fh: sister t1d, pgm t2d",
        "T1DM. Husband has type 2 diabetes.",
        "Type 1 diabetic; T2DM in father.",
    ],
)
def test_the_patients_type_is_told(note):
    assert tells_type_1(note)


@pytest.mark.parametrize(
    "note",
    [
        "Diabetes with DKA.",
        "T2DM; son T1DM",
        "T1DM. Later notes say type II DM.",
        "T1DM.\nFH: gout\nPMH: T2DM",
        "Here with her husband. T2DM, son T1DM",
        "Son has T1DM, she has DKA.",
        "T1DM in brother. DKA.",
        "FAMILY HISTORY:\nmaternal aunt\nT1DM\nGout",
        "No type 1 diabetes.",
        "DKA, possible T1DM",
        "T1DM vs MODY? Rule out DM1.",
        "Type 1 respiratory failure in diabetes. Type 1 RTA.",
        "",
    ],
)
def test_it_is_another_type_or_somebody_elses_or_in_doubt(note):
    assert not tells_type_1(note)
