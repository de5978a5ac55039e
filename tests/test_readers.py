"""The readers take in the whole of ICD-10-CM and HPO, and tell what is wrong with a broken source."""

import contextlib
import json
import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink import MedlinkError
from medlink.terminology.readers import READERS
from medlink.terminology.readers.carried import carried_files
from medlink.terminology.readers.icd10cm import read_icd10cm
from medlink.terminology.readers.jsonl import read_jsonl, read_synonyms
from medlink.terminology.readers.obo import read_hpo
from medlink.terminology.words import verbatim_key


@pytest.fixture(scope="module")
def icd10cm():
    source = read_icd10cm()
    return source, {concept.concept_id: concept for concept in source.concepts}


@pytest.fixture(scope="module")
def hpo():
    source = read_hpo()
    return source, {concept.concept_id: concept for concept in source.concepts}


@pytest.mark.slow
@pytest.mark.parametrize("terminology", ["icd10cm", "hpo"])
def test_names_that_mislead_are_left_out_and_no_others(terminology):
    lines = files("medlink.terminology").joinpath("data/misleading-names.tsv").read_text("utf-8").splitlines()
    misleading = {tuple(line.split("\t")[1:]) for line in lines if line.startswith(f"{terminology}\t")}
    every = names_of((read_icd10cm if terminology == "icd10cm" else read_hpo)().concepts)
    assert misleading <= every
    assert names_of(READERS[terminology].read([]).concepts) == every - misleading


@pytest.mark.slow
def test_every_line_of_the_code_list_is_a_concept(icd10cm):
    source, concepts = icd10cm
    listed = source.files[1].read_text().split()
    assert len(listed) == 98_505
    assert {code.replace(".", "") if "-" not in code else code for code in concepts} == set(listed)
    assert len(concepts) == len(set(listed)) == 98_466


@pytest.mark.slow
def test_icd10cm_concepts_hold_what_a_coder_needs(icd10cm):
    _, concepts = icd10cm
    infarction = concepts["I21"]
    assert infarction.parents == ("I20-I25",)
    assert infarction.properties["billable"] is False
    assert "cardiac infarction" in infarction.properties["includes"]
    assert any("I25.2" in note for note in infarction.properties["excludes2"])
    assert infarction.properties["use_additional_code"]
    assert "Myocardial infarction (acute) NOS" in concepts["I21.9"].synonyms
    assert concepts["I21.9"].properties["billable"] is True
    assert concepts["I20-I25"].parents == ("9",)
    assert concepts["9"].properties["kind"] == "chapter"
    assert any("code_first" in concept.properties for concept in concepts.values())
    assert any("excludes1" in concept.properties for concept in concepts.values())


@pytest.mark.slow
def test_seventh_characters_are_spelt_out_and_fill_up_with_x(icd10cm):
    _, concepts = icd10cm
    assert concepts["S00.00XA"].name == "Unspecified superficial injury of scalp, initial encounter"
    assert concepts["S00.00XA"].parents == ("S00.00",)
    assert concepts["S00.00"].properties["billable"] is False
    assert concepts["S00.00XA"].properties["billable"] is True
    assert concepts["E08.3211"].name.endswith("with macular edema, right eye")


@pytest.mark.slow
def test_a_section_of_one_category_is_that_category(icd10cm):
    _, concepts = icd10cm
    assert concepts["C7A"].parents == ("2",)
    assert all(concept.concept_id not in concept.parents for concept in concepts.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "alias"),
    [
        ("J18.9", "Pneumonia"),  # ", unspecified organism" left out
        ("I10", "hypertension"),  # parentheses left out
        ("B20", "HIV disease"),  # brackets in place of the words before
        ("C61", "Cancer of prostate"),
        ("I21.9", "heart attack"),  # medlink's own clinicians' names
    ],
)
def test_names_follow_from_the_conventions_of_icd10cm(icd10cm, code, alias):
    assert alias.casefold() in {name.casefold() for name in icd10cm[1][code].synonyms}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("R75", "HIV"),  # inconclusive laboratory evidence of it
        ("D80.2", "IgA"),  # selective deficiency of it
        ("R74.02", "LDH"),  # elevation of it
        ("Z11.4", "HIV"),  # screening for it
        ("M92.1", "Burns"),  # who described osteochondrosis of the ulna
    ],
)
def test_what_a_part_of_a_description_abbreviates_is_no_name_of_the_code(icd10cm, code, name):
    assert name not in icd10cm[1][code].synonyms


@pytest.mark.slow
def test_a_condition_of_another_disease_does_not_take_the_name_of_the_condition_itself(icd10cm):
    names = {code: {name.lower() for name in icd10cm[1][code].synonyms} for code in ("A69.22", "G62.9", "N08", "N28.9")}
    assert "polyneuropathy" in names["G62.9"] - names["A69.22"]
    assert "nephropathy" in names["N28.9"] - names["N08"]
    assert "cranial neuritis" in names["A69.22"]  # what is no name of another code stays


@pytest.mark.slow
def test_a_name_that_clinicians_have_for_a_code_is_no_other_codes_but_those_above(icd10cm):
    names = {code: {name.lower() for name in concept.synonyms} for code, concept in icd10cm[1].items()}
    holders = {name: {code for code in names if name in names[code]} for name in ("thrush", "hepatitis b", "cystitis")}
    assert holders == {"thrush": {"B37.0"}, "hepatitis b": {"B19.10"}, "cystitis": {"N30.90", "N30.9"}}


@pytest.mark.slow
def test_unspecified_with_something_says_more_than_the_name_without(icd10cm):
    assert "opioid use" not in {name.lower() for name in icd10cm[1]["F11.929"].synonyms}
    assert "respiratory failure" not in {name.lower() for name in icd10cm[1]["J96.91"].synonyms}
    assert "gastritis" in {name.lower() for name in icd10cm[1]["K29.70"].synonyms}


@pytest.mark.slow
def test_chapters_and_sections_are_no_conditions(icd10cm):
    types = {concept_id: concept.types for concept_id, concept in icd10cm[1].items()}
    assert types["I20-I25"] == types["9"] == ("Chapter or section",)
    assert types["I21"] == types["I21.9"] == ("Condition",)


@pytest.mark.slow
def test_each_of_the_clinicians_names_belongs_to_one_code_that_exists(icd10cm):
    codes = {}
    for code, names in read_synonyms("icd10cm").items():
        assert code in icd10cm[1], code
        for name in names:
            assert name.strip() == name != ""
            assert codes.setdefault(verbatim_key(name), code) == code, (name, code, codes[verbatim_key(name)])
    assert len(codes) > 13_000


def test_icd10cm_sources_that_do_not_fit_are_refused(tmp_path):
    tabular, codes = carried_files("simple_icd_10_cm", "simple-icd-10-cm", "data/icd10c*.xml", "data/code-list*.txt")
    with pytest.raises(MedlinkError, match="two files"):
        read_icd10cm([tabular])
    broken = tmp_path / "broken.xml"
    broken.write_bytes(tabular.read_bytes()[:5000])
    with pytest.raises(MedlinkError, match="not well-formed"):
        read_icd10cm([broken, codes])
    other = tmp_path / "codes.txt"
    other.write_text("A00\nZZZ99\n")
    with pytest.raises(MedlinkError, match="ZZZ99 has no place"):
        list(read_icd10cm([tabular, other]).concepts)


def test_a_missing_source_package_says_what_to_install():
    with pytest.raises(MedlinkError, match="pip install some-package"):
        carried_files("no_such_package", "some-package", "*.txt")


@pytest.mark.slow
def test_every_living_term_of_hpo_is_a_concept(hpo):
    source, concepts = hpo
    text = source.files[0].read_text()
    stanzas = text.split("\n[Term]\n")[1:]
    living = [stanza for stanza in stanzas if "\nis_obsolete: true" not in stanza]
    assert len(concepts) == len(living) == 19_034
    assert source.version.startswith("hp/releases/")


@pytest.mark.slow
def test_hpo_concepts_keep_scopes_definitions_and_references(hpo):
    _, concepts = hpo
    infarction = concepts["HP:0001658"]
    assert {(alias.text, alias.scope) for alias in infarction.aliases} >= {
        ("Heart attack", "exact"),
        ("MI", "abbreviation"),
    }
    assert {"SNOMEDCT_US:22298006", "UMLS:C0027051"} <= set(infarction.xrefs)
    assert infarction.definition.startswith("Necrosis of the myocardium")
    assert infarction.types == ("Phenotypic abnormality",)
    assert infarction.parents == ("HP:0033678",)
    assert "HP:0004715" in concepts["HP:0000003"].alternate_ids
    assert "HP:0000057" in concepts["HP:0008665"].alternate_ids  # obsolete, replaced
    assert "HP:0000057" not in concepts
    assert {scope for concept in concepts.values() for scope in (a.scope for a in concept.aliases)} == {
        "exact",
        "abbreviation",
        "narrow",
        "broad",
        "related",
    }


def test_obo_escapes_and_trailers_are_taken_off(tmp_path):
    path = tmp_path / "x.obo"
    path.write_text(
        "format-version: 1.2\ndata-version: v1\n\n[Term]\nid: X:1\nname: root\n\n"
        '[Term]\nid: X:2\nname: branch ! comment\nsynonym: "say \\"ah\\"" EXACT []\n'
        'synonym: "old" EXACT obsolete_synonym []\n'
        'xref: A:1 {source="b"}\nis_a: X:1 {x="y"} ! root\n\n[Typedef]\nid: part_of\nname: part of\n'
    )
    concepts = {concept.concept_id: concept for concept in read_hpo([path]).concepts}
    assert set(concepts) == {"X:1", "X:2"}
    branch = concepts["X:2"]
    assert (branch.name, branch.xrefs, branch.parents, branch.types) == ("branch", ("A:1",), ("X:1",), ("branch",))
    assert [alias.text for alias in branch.aliases] == ['say "ah"']


@pytest.mark.parametrize("text", ["", "just text\n", "format-version: 1.2\n", "format-version: 1.2\n[Term]\nid: X:1\n"])
def test_what_is_no_obo_file_is_refused(tmp_path, text):
    path = tmp_path / "x.obo"
    path.write_text(text)
    with pytest.raises(MedlinkError, match=re.escape(str(path))):
        read_hpo([path])


def test_jsonl_reads_the_documented_record(tmp_path):
    path = tmp_path / "t.jsonl"
    record = {
        "id": "D003924",
        "name": "Diabetes Mellitus, Type 2",
        "synonyms": ["NIDDM"],
        "types": ["T047"],
        "parents": ["D003920"],
        "definition": "…",
        "xrefs": ["UMLS:C0011860"],
    }
    path.write_text(json.dumps(record) + '\n\n{"id": "2", "name": "b"}\n')
    first, second = read_jsonl([path]).concepts
    assert (first.concept_id, first.types, first.parents, first.xrefs) == (
        "D003924",
        ("T047",),
        ("D003920",),
        ("UMLS:C0011860",),
    )
    assert [alias.text for alias in first.aliases] == ["NIDDM"]
    assert second.name == "b"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "t.jsonl:2: .*JSON"),
        ('{"id": "1"}', "t.jsonl:2: name"),
        ('{"id": "1", "name": ""}', "t.jsonl:2: name"),
        ('{"id": "1", "name": "a", "synonym": ["b"]}', "t.jsonl:2: synonym: Extra"),
        ('{"id": "1", "name": "a", "synonyms": "b"}', "t.jsonl:2: synonyms"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, message):
    path = tmp_path / "t.jsonl"
    path.write_text('{"id": "0", "name": "a"}\n' + line + "\n")
    with pytest.raises(MedlinkError, match=message):
        list(read_jsonl([path]).concepts)


@given(st.text())
def test_any_text_is_read_or_refused_in_words(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("fuzz") / "x"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    for read in (read_jsonl, read_hpo):
        with contextlib.suppress(MedlinkError):
            list(read([path]).concepts)


def test_names_of_medic_are_read_without_entities(tmp_path):
    path = tmp_path / "medic.txt"
    path.write_text("D000788||Angina Pectoris, Variant|Prinzmetal&apos;s Angina\nC1||Andr&#233; syndrome\n")
    angina, andre = READERS["medic"].read([path]).concepts
    assert [alias.text for alias in angina.aliases] == ["Prinzmetal's Angina"]
    assert andre.name == "André syndrome"


def test_medic_ids_become_those_that_corpora_use(tmp_path):
    path = tmp_path / "medic.txt"
    path.write_text("C567755|613097||Tooth Agenesis, Selective, 6|STHAG6\n\n145250||HYPERPIGMENTATION|FPH\n")
    tooth, skin = READERS["medic"].read([path]).concepts
    assert (tooth.concept_id, tooth.name, tooth.synonyms) == ("C567755", "Tooth Agenesis, Selective, 6", ("STHAG6",))
    assert tooth.alternate_ids == ("OMIM:613097", "613097")
    assert (skin.concept_id, skin.alternate_ids) == ("OMIM:145250", ("145250",))
    path.write_text("C1||\n")
    with pytest.raises(MedlinkError, match=r"medic\.txt:1: expected 'id"):
        list(READERS["medic"].read([path]).concepts)
    with pytest.raises(MedlinkError, match="reads one file"):
        READERS["medic"].read([])


def test_drugbank_synonyms_and_registry_numbers(tmp_path):
    path = tmp_path / "drugs.csv"
    path.write_text(
        "DrugBank ID,Accession Numbers,Common name,CAS,UNII,Synonyms,Standard InChI Key\n"
        'DB1,BIOD1 | BTD1,Lepirudin,138068-37-8,Y43GF64R34,"[Leu1, Thr2]-63-desulfohirudin | Hirudin variant-1",\n'
        "DB2,,Aspirin,,,,\n"
    )
    lepirudin, aspirin = READERS["drugbank"].read([path]).concepts
    assert lepirudin.synonyms == ("[Leu1, Thr2]-63-desulfohirudin", "Hirudin variant-1")
    assert lepirudin.xrefs == ("CAS:138068-37-8", "UNII:Y43GF64R34")
    assert lepirudin.alternate_ids == ("BIOD1", "BTD1")
    assert (aspirin.name, aspirin.synonyms, aspirin.xrefs) == ("Aspirin", (), ())
    path.write_text("id,name\n1,x\n")
    with pytest.raises(MedlinkError, match=r"no column 'Accession Numbers'"):
        list(READERS["drugbank"].read([path]).concepts)


def test_a_term_in_several_obo_files_is_read_once(tmp_path):
    head = "format-version: 1.4\ndata-version: 7\n\n"
    (tmp_path / "a.obo").write_text(head + "[Term]\nid: D:1\nname: fever\n\n[Term]\nid: D:2\nname: rash\n")
    (tmp_path / "b.obo").write_text(head + "[Term]\nid: D:2\nname: rash\nis_a: D:1\n\n[Term]\nid: D:3\nname: pain\n")
    source = READERS["obo"].read([tmp_path / "a.obo", tmp_path / "b.obo"])
    assert [concept.concept_id for concept in source.concepts] == ["D:1", "D:2", "D:3"]
    assert source.version == "7"
    with pytest.raises(MedlinkError, match=r"name one or more \.obo files"):
        READERS["obo"].read([])


def names_of(concepts):
    return {(concept.concept_id, alias.text) for concept in concepts for alias in concept.aliases}
