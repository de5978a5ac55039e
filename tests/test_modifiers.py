"""Mentions without their words of degree and course."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink import Alias, Concept, Linker, Terminology
from medlink.linking.modifiers import without_course, without_modifiers


@pytest.mark.parametrize(
    ("mention", "rest"),
    [
        ("severe hypokalemia", "hypokalemia"),
        ("Mild, intermittent chest pain", "chest pain"),
        ("new onset atrial fibrillation", "atrial fibrillation"),
        ("worsening of the ascites", "ascites"),
        ("poorly-controlled hypertension", "hypertension"),
        ("moderate to severe aortic stenosis", "aortic stenosis"),
        ("anemia, mild", "anemia"),
        ("headache (severe)", "headache"),
        ("large pleural effusion", "pleural effusion"),
        ("Stage IIIB non-small cell lung cancer", "non-small cell lung cancer"),
        ("grade 2 peripheral neuropathy", "peripheral neuropathy"),
        ("Gr. 3-4 neutropenia", "neutropenia"),
        ("oral mucositis, grade II", "oral mucositis"),
        ("sharp, stabbing chest pain", "chest pain"),
        ("closed fracture of the distal radius", "fracture of the distal radius"),
        ("minimally displaced clavicle fracture", "clavicle fracture"),
        ("necrotizing enterocolitis in newborn", "necrotizing enterocolitis"),
        ("rosacea flaring", "rosacea"),
        ("severe eczema flare-up", "eczema"),
        ("painless jaundice", "jaundice"),
        ("AChR-positive generalized myasthenia gravis", "myasthenia gravis"),
        ("HLA-B27 positive spondyloarthritis", "spondyloarthritis"),
        ("NYHA II dyspnea", "dyspnea"),
        ("lattice degeneration inferotemporally", "lattice degeneration"),
        ("chronic rhinosinusitis without polyps", "chronic rhinosinusitis"),
    ],
)
def test_words_of_degree_and_course_are_left_out(mention, rest):
    assert without_modifiers(mention) == rest


@pytest.mark.parametrize(
    ("mention", "rest"),
    [
        ("acute sigmoid diverticulitis", "sigmoid diverticulitis"),
        ("Subacute cough", "cough"),
        ("acute on chronic back pain", "back pain"),
        ("severe acute colitis", "severe colitis"),
        ("Prior pneumonia", "pneumonia"),
        ("cough", "cough"),
        ("acute", "acute"),
        ("acute-phase reaction", "acute-phase reaction"),
    ],
)
def test_acute_chronic_and_prior_are_left_out_by_themselves(mention, rest):
    assert without_course(mention) == rest


def test_acute_and_chronic_are_left_out_last_and_for_no_opposite():
    concepts = [Concept("1", "Colitis"), Concept("2", "Acute bronchiolitis", (Alias("bronchiolitis", "exact"),))]
    concepts += [Concept("3", "Chronic gastritis"), Concept("4", "Gastritis")]
    linker = Linker([Terminology.from_records("t", concepts)])
    mentions = ["acute colitis", "acute bronchiolitis", "chronic bronchiolitis", "chronic gastritis"]
    best = [found[0] if found else None for found in linker.link(mentions)]
    assert [one.concept_id if one and not one.nil else None for one in best] == ["1", "2", None, "3"]


@pytest.mark.parametrize(
    "mention",
    [
        "hypokalemia",
        "severe",
        "small cell carcinoma",
        "high grade glioma",
        "grand mal seizure",
        "large vessel occlusion",
        "beta thalassemia minor",
        "suspected sepsis",
        "old infarct",
        "history of severe asthma",
        "mildew allergy",
        "closed head injury",
        "displaced intervertebral disc",
        "gram-negative sepsis",
        "culture-negative endocarditis",
        "Rh negative",
    ],
)
def test_words_that_tell_which_condition_or_whether_it_is_there_stay(mention):
    assert without_modifiers(mention) == mention


def test_the_side_is_left_out_only_where_asked():
    assert without_modifiers("severe left-sided weakness") == "left-sided weakness"
    assert without_modifiers("severe left-sided weakness", sides=True) == "weakness"
    assert without_modifiers("leg swelling, bilateral", sides=True) == "leg swelling"
    assert without_modifiers("R hip pain", sides=True) == "hip pain"
    assert without_modifiers("swelling of the left knee", sides=True) == "swelling of the knee"


@pytest.mark.parametrize(
    "mention", ["failure of the right ventricle", "pain in the right upper quadrant", "L spine pain"]
)
def test_a_side_that_belongs_to_a_name_stays(mention):
    assert without_modifiers(mention, sides=True) == mention


@given(st.text(), st.booleans())
def test_something_is_always_left_and_nothing_is_added(mention, sides):
    rest = without_modifiers(mention, sides=sides)
    letters = iter(mention)
    assert all(letter in letters for letter in rest)
    assert bool(rest.strip()) == bool(mention.strip())


def test_a_code_of_the_severity_goes_first_and_only_a_mention_that_finds_nothing_is_read_without():
    concepts = [Concept("1", "Asthma"), Concept("2", "Severe asthma"), Concept("3", "Hypokalemia")]
    linker = Linker([Terminology.from_records("t", concepts)])
    (severe,), (mild,), (low,) = (
        [c for c in found if not c.nil][:1]
        for found in linker.link(["severe asthma", "mild asthma", "severe hypokalemia"])
    )
    assert [(c.concept_id, c.query) for c in (severe, mild, low)] == [
        ("2", "severe asthma"),
        ("1", "asthma"),
        ("3", "hypokalemia"),
    ]
