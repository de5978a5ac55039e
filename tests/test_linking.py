"""The linker ranks concepts, says how it came to them, and says NIL where none fits."""

import pickle

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from medlink import Alias, Concept, Linker, MedlinkError, Terminology
from medlink.linking.causes import with_cause_first
from medlink.linking.exact import ExactStage, SynonymStage
from medlink.linking.stages import Hit, Query
from medlink.terminology.readers.jsonl import read_synonyms
from medlink.terminology.words import is_body_part


@pytest.fixture(scope="module")
def linker(terminology):
    return Linker([terminology])


def best(linker, mention):
    candidates = linker.link([mention])[0]
    return candidates[0] if candidates else None


@pytest.mark.parametrize(
    ("mention", "concept", "stage", "alias"),
    [
        ("heart attack", "C1", "exact", "Heart attack"),
        ("Heart  Attacks", "C1", "exact", "Heart attack"),
        ("MI", "C1", "exact", "MI"),
        ("anemia", "C4", "exact", "Anaemia"),
        ("ears, low-set", "C3", "exact", "Low-set ears"),
        ("type II diabetes mellitus", "C7", "exact", "Type 2 diabetes mellitus"),
        ("myocardail infarction", "C1", "lexical", "Myocardial infarction"),
        ("diabetes mellitus type 2, NIDDM", "C7", "lexical", "Type 2 diabetes mellitus"),
    ],
)
def test_the_right_concept_comes_first_with_its_alias_and_stage(linker, mention, concept, stage, alias):
    candidate = best(linker, mention)
    assert (candidate.concept_id, candidate.stage, candidate.alias) == (concept, stage, alias)
    assert candidate.terminology == "mini"
    assert not candidate.nil


@pytest.mark.parametrize(
    "mention", ["sparrow", "Mrs Crohn", "metoprolol", "", "  ", "++", "left", "femur", "type 3 diabetes"]
)
def test_what_no_concept_fits_is_nil(linker, mention):
    candidate = best(linker, mention)
    assert candidate is None or candidate.nil


@pytest.mark.parametrize("mention", ["hyper-natremia", "Hyper-natraemia"])
def test_a_compound_is_found_with_or_without_its_hyphen(mention):
    linker = Linker([Terminology.from_records("t", [Concept("1", "Hypernatremia"), Concept("2", "Hyponatremia")])])
    assert [c.concept_id for c in linker.link([mention])[0] if not c.nil] == ["1"]


@pytest.mark.parametrize(
    ("mention", "concept"),
    [("APD", None), ("MIs", None), ("APDS", "1"), ("MIS A", "2"), ("UTIs", "3"), ("LUE", None), ("Lues", "4")],
)
def test_an_abbreviation_is_another_one_only_with_its_letters(mention, concept):
    names = [Concept("1", "APDS"), Concept("2", "MIS-A"), Concept("3", "UTI"), Concept("4", "lues")]
    best = [one for one in Linker([Terminology.from_records("own", names)]).link([mention])[0] if not one.nil]
    assert [one.concept_id for one in best] == ([concept] if concept else [])


def test_an_abbreviation_is_not_linked_to_one_that_only_looks_like_it():
    names = [Concept("1", "HNSCC"), Concept("2", "IL6"), Concept("3", "HNPCC syndrome"), Concept("4", "GLD")]
    linker = Linker([Terminology.from_records("t", names)], threshold=0.0)
    found = linker.link(["HNPCC", "IL-6", "IF-GLD"])
    assert [[c.concept_id for c in candidates if not c.nil] for candidates in found] == [[], ["2"], ["4"]]
    assert found[0]  # what it looks like is shown all the same


def test_a_hyphen_that_is_part_of_a_name_is_looked_up_as_it_is():
    linker = Linker([Terminology.from_records("t", [Concept("1", "Co-op lung"), Concept("2", "Coop lung")])])
    assert best(linker, "co-op lung").concept_id == "1"


@pytest.mark.parametrize(
    ("mention", "concept"),
    [
        ("abnormalities of the eye", "kind"),
        ("ocular anomaly", "kind"),
        ("malformed eye", "structure"),
        ("abnormal eye morphology", "structure"),
    ],
)
def test_names_of_structure_are_told_from_names_of_any_kind(mention, concept):
    concepts = [Concept("structure", "Abnormal eye morphology"), Concept("kind", "Abnormality of the eye")]
    linker = Linker([Terminology.from_records("t", concepts)])
    assert [c.concept_id for c in linker.link([mention])[0] if c.stage == "exact"] == [concept]


def test_numbers_sides_and_negations_tell_concepts_apart(linker):
    assert best(linker, "right femur fracture").nil
    type_1 = linker.link(["type 1 diabetes"])[0]
    assert type_1[0].concept_id == "C8"
    assert {c.concept_id: c.score for c in type_1}["C7"] < type_1[0].score - 0.1


def test_the_first_candidate_is_the_same_where_what_is_sure_is_not_searched_for(linker):
    mentions = ["heart attack", "anemia", "myocardail infarction", "sparrow"]
    whole, quick = linker.link(mentions), linker.link(mentions, thorough=False)
    firsts = [[(one.concept_id, one.alias, one.score) for one in found[:1]] for found in (*whole, *quick)]
    assert firsts[:4] == firsts[4:]
    assert quick[2:] == whole[2:]
    sure = ["type 1 diabetes mellitus"]
    assert len(linker.link(sure, thorough=False)[0]) < len(linker.link(sure)[0])


def test_another_terminology_lends_its_synonyms():
    phenotypes = Terminology.from_records(
        "phenotypes", [Concept("P1", "Myocardial infarction", (Alias("Heart attack", "exact"),))]
    )
    codes = Terminology.from_records(
        "codes", [Concept("I21.9", "Infarction of the myocardium"), Concept("Z0", "Panic")]
    )
    codes_only = Linker([codes]).link(["heart attack"])[0]
    assert all(candidate.nil for candidate in codes_only)
    both = Linker([codes, phenotypes]).link(["heart attack"])[0]
    found = {candidate.concept_id: candidate for candidate in both}
    # "Myocardial" and "myocardium" share a stem, so the preferred name of P1 leads to I21.9.
    assert found["I21.9"].stage == "synonym"
    assert found["I21.9"].via == "phenotypes:P1"
    assert both[0].concept_id == "P1"


def test_names_of_a_code_for_several_diseases_are_worth_less_for_one_another():
    """No name of N89.8 says that discharge is dryness; in a terminology of concepts its synonyms would."""
    findings = Terminology.from_records("findings", [Concept("F1", "Vaginal dryness"), Concept("F2", "Vaginal cyst")])
    names = (Alias("vaginal discharge", "exact"), Alias("vaginal dryness", "exact"))
    scores = {}
    for kind, name, properties in (
        ("synonyms", "Dry vagina", {}),
        ("code", "Dry vagina", {"billable": True}),
        ("residual code", "Other disorders of vagina", {"billable": True}),
    ):
        other = Terminology.from_records("other", [Concept("N89.8", name, names, properties=properties)])
        hits = SynonymStage([other, findings]).retrieve([Query("vaginal discharge")], findings, 5)[0]
        (scores[kind],) = {hit.score for hit in hits}
    assert scores["synonyms"] == scores["code"] > scores["residual code"]


def test_the_terminologies_of_a_model_lend_their_synonyms_to_a_dictionary_of_ones_own():
    own = Terminology.from_records("own", [Concept("O1", "Myocardial infarction"), Concept("O2", "Gout")])
    best = Linker.load("en_medlink_sm", terminologies=[own]).link(["heart attack"])[0][0]
    assert (best.concept_id, best.stage, best.via, best.nil) == ("O1", "synonym", "icd10cm:I21.9", False)
    assert {c.terminology for c in Linker.load("en_medlink_sm", terminologies=[own]).link(["gout"])[0]} == {"own"}


def test_where_category_and_code_share_a_name_the_code_is_meant():
    terminology = Terminology.from_records(
        "codes", [Concept("J18", "Pneumonia"), Concept("J18.9", "Pneumonia", (), (), ("J18",))]
    )
    assert best(Linker([terminology]), "pneumonia").concept_id == "J18.9"


@pytest.mark.parametrize(
    ("scope", "properties", "found"),
    [
        ("exact", {"billable": False}, {"K51.90"}),
        ("derived", {"billable": False}, {"K51", "K51.90"}),
        ("exact", {}, {"K51", "K51.90"}),  # no codes: of two concepts with a name either may be meant
    ],
)
def test_a_category_is_no_answer_where_clinicians_call_a_code_of_it_so(scope, properties, found):
    colitis = [
        Concept("K51", "Ulcerative colitis", properties=properties),
        Concept("K51.90", "Ulcerative colitis, unspecified", (Alias("ulcerative colitis", scope),), (), ("K51",)),
    ]
    terminology = Terminology.from_records("codes", colitis)
    (hits,) = ExactStage().retrieve([Query("ulcerative colitis")], terminology, 5)
    assert {terminology.concept_ids[terminology.alias_concept[hit.alias]] for hit in hits} == found


@pytest.mark.slow
def test_each_of_the_clinicians_names_is_linked_to_its_code():
    pairs = [(name, code) for code, names in read_synonyms("icd10cm").items() for name in names]
    found = Linker.load("en_medlink_sm").link([name for name, _ in pairs], thorough=False)
    best = [next((c for c in one if c.terminology == "icd10cm" and not c.nil), None) for one in found]
    assert not [(pair, one) for pair, one in zip(pairs, best, strict=True) if one is None or one.concept_id != pair[1]]


def test_a_body_part_is_not_linked_by_the_words_of_another():
    linker = Linker([Terminology.from_records("t", [Concept("1", "Pelvic kidney")])])
    assert best(linker, "kidney, pelvic").stage == "lexical"
    assert best(linker, "pelvic kidneys").stage == "exact"
    assert best(linker, "renal pelvis").stage != "exact"


def test_k_and_threshold_are_kept(terminology):
    linker = Linker([terminology], threshold=1.0)
    candidates = linker.link(["diabetes mellitus"], k=1)[0]
    assert len(candidates) == 1
    assert candidates[0].nil
    for arguments in ({"threshold": 1.5}, {"threshold": -0.1}):
        with pytest.raises(MedlinkError, match="between 0 and 1"):
            Linker([terminology], **arguments)
    with pytest.raises(MedlinkError, match="at least one terminology"):
        Linker([])
    with pytest.raises(MedlinkError, match="k must be at least 1"):
        linker.link(["x"], k=0)
    with pytest.raises(MedlinkError, match="need as many contexts"):
        linker.link(["x"], contexts=[])


def test_a_further_stage_joins_in(terminology):
    class Always:
        name = "always"
        final = False

        def retrieve(self, queries, terminology, k):
            return [[Hit(0, 0.99)] for _ in queries]

    linker = Linker([terminology], stages=[ExactStage(), Always()])
    assert linker.link(["anything"])[0][0].stage == "always"
    # With a final stage before it, it is asked only for what is still open.
    ranked = linker.link_labelled([("Anaemia", "CONDITION", ("Anaemia", 0, 7))], 5)[0]
    assert [candidate.stage for candidate in ranked] == ["exact"]


def test_what_only_a_name_would_answer_is_not_searched_for(terminology):
    asked = []

    class Search:
        name = "search"
        final = False

        def retrieve(self, queries, terminology, k):
            asked.extend(query.text for query in queries)
            return [[] for _ in queries]

    linker = Linker([terminology], stages=[ExactStage(), Search()])
    mention = "acute foot ulcer due to unheard of causes"
    linker.link([mention])
    assert mention in asked
    # Turned round, it would be another name for the same, which the terminology does not have.
    turned = with_cause_first(mention)
    assert turned
    assert turned not in asked


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=4))
def test_any_text_is_linked_the_same_alone_and_in_company(terminology, mentions):
    linker = Linker([terminology])
    together = linker.link(mentions)
    assert together == [linker.link([mention])[0] for mention in mentions]
    assert all(0 <= candidate.score <= 1 for candidates in together for candidate in candidates)


def test_the_linker_loads_by_model_or_by_terminologies(terminology):
    shipped = Linker.load("en_medlink_sm")
    assert [one.name for one in shipped.terminologies] == ["icd10cm", "hpo"]
    assert shipped.link(["heart attack"])[0][0].concept_id in {"I21.9", "HP:0001658"}
    own = Linker.load(terminologies=[terminology])
    assert own.link(["NIDDM"])[0][0].concept_id == "C7"
    replaced = Linker.load("en_medlink_sm", [terminology])
    assert replaced.terminologies == [terminology]
    with pytest.raises(MedlinkError, match="name a model or terminologies"):
        Linker.load()
    with pytest.raises(MedlinkError, match="unknown model 'en_nothing'"):
        Linker.load("en_nothing")


def component(terminology, words=("anemia", "sparrow")):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "CONDITION", "pattern": p} for p in words])
    nlp.add_pipe("medlink_linker").set_terminologies([terminology])
    return nlp


def test_the_component_sets_the_concept_of_entities_from_elsewhere(terminology):
    doc = component(terminology)("anemia and sparrow")
    assert [(ent.text, ent.kb_id_, len(ent._.concepts)) for ent in doc.ents] == [
        ("anemia", "C4", 1),
        ("sparrow", "", 0),
    ]


@pytest.mark.parametrize(
    ("text", "concepts"),
    [
        ("cirrhosis with ascites", ["CA", "A"]),
        ("Severe cirrhosis w/ ascites.", ["CA", "A"]),
        ("cirrhosis c/b ascites", ["CA", "A"]),
        ("cirrhosis without ascites", ["C", "A"]),
        ("cirrhosis with no ascites", ["C", "A"]),
        ("cirrhosis, ascites", ["C", "A"]),
        ("ascites with cirrhosis", ["CA", "C"]),
    ],
)
def test_a_condition_is_linked_with_the_one_that_comes_with_it(text, concepts):
    records = [
        Concept("C", "Cirrhosis"),
        Concept("A", "Ascites"),
        Concept("CA", "Liver cirrhosis with ascites", (Alias("Cirrhosis with ascites", "exact"),)),
    ]
    nlp = component(Terminology.from_records("t", records), ("cirrhosis", "ascites"))
    assert [ent.kb_id_ for ent in nlp(text).ents] == concepts


def test_a_name_of_ones_own_is_not_rivalled_by_a_borrowed_one():
    other = Terminology.from_records("other", [Concept("O", "Collapsed lung", (Alias("Pneumothorax", "exact"),))])
    own = Terminology.from_records("own", [Concept("A", "Pneumothorax"), Concept("B", "Collapsed lung")])
    found = Linker([own], bridges=[other]).link(["pneumothorax", "collapsed lung"])
    assert [(c[0].concept_id, c[0].stage) for c in found] == [("A", "exact"), ("B", "exact")]
    assert all(candidate.stage != "synonym" for candidate in found[0])


def test_what_is_left_out_for_its_type_does_not_end_the_search():
    causes = Terminology.from_records(
        "causes",
        [Concept("M", "Dog bite", types=("Clinical modifier",)), Concept("S1", "Dog bite wound", types=("Condition",))],
    )
    (found,) = Linker([causes], threshold=0).link_labelled([("dog bite", "CONDITION", ("dog bite", 0, 8))], 5)[0]
    assert (found.concept_id, found.stage) == ("S1", "lexical")


def test_a_terminology_is_asked_only_for_the_labels_that_it_covers(terminology):
    shipped = Linker.load("en_medlink_sm")
    context = ("anemia", 0, 6)
    assert shipped.link_labelled([("anemia", "DRUG", context)], 5) == [[]]
    assert shipped.link_labelled([("anemia", "CONDITION", context)], 5)[0]


def test_a_condition_is_an_external_cause_only_by_its_name_and_no_modifier():
    shipped = Linker.load("en_medlink_sm")
    names = ["mechanical fall", "dog bite", "tumbled off a tall ladder", "Acute"]
    fall, bite, tumble, modifier = shipped.link_labelled([(name, "CONDITION", ("", 0, 0)) for name in names], 5)
    assert (fall[0].concept_id, fall[0].stage) == ("W19.XXXA", "exact")
    assert (bite[0].concept_id, bite[0].stage) == ("W54.0XXA", "exact")
    assert not [one for one in tumble if one.concept_id.startswith(("V", "W", "X", "Y"))]
    assert modifier == []


def test_a_body_part_is_no_condition():
    # Of "ankle #" the sign alone tells that it is broken.
    shipped = Linker.load("en_medlink_sm")
    parts = ["tibia", "scapula", "ankle", "ribs", "distal radius", "fingers", "nose"]
    assert [one for found in shipped.link(parts) for one in found if not one.nil] == []
    for terminology in shipped.terminologies:
        alone = {name for name in terminology.aliases if is_body_part(name)}
        assert alone <= {"pelvic kidney", "Pelvic kidney", "hand-foot-mouth"}, terminology.name
    linked = shipped.link(["# ankle", "ankle #", "#NOF", "rib #s"])
    assert [one[0].concept_id for one in linked] == ["S82.899A", "S82.899A", "S72.009A", "S22.49XA"]


def test_the_component_survives_bytes_disk_and_pickle(terminology, tmp_path):
    nlp = component(terminology)
    text = "anemia and sparrow"
    expected = [(ent.text, ent.kb_id_, ent._.concepts) for ent in nlp(text).ents]
    nlp.to_disk(tmp_path / "pipeline")
    data = nlp.get_pipe("medlink_linker").to_bytes()
    from_bytes = component(Terminology.from_records("other", [Concept("X", "other")]))
    from_bytes.get_pipe("medlink_linker").from_bytes(data)
    for again in (
        spacy.load(tmp_path / "pipeline"),
        from_bytes,
        pickle.loads(pickle.dumps(nlp)),
    ):
        assert [(ent.text, ent.kb_id_, ent._.concepts) for ent in again(text).ents] == expected


def test_a_context_tells_what_an_abbreviation_stands_for(terminology):
    linker = Linker([terminology])
    text = "Has low-set ears (LSE). The LSE are mild."
    at = text.rindex("LSE")
    (found,) = linker.link(["LSE"], [(text, at, at + 3)])
    assert found[0].concept_id == "C3"
    assert all(candidate.nil for candidate in linker.link(["LSE"])[0])


def test_an_abbreviation_that_the_context_leaves_open_fits_nothing(terminology):
    assert Linker([terminology]).link(["MS"], [("MS.", 0, 2)]) == [[]]


def test_a_mention_without_abbreviations_is_linked_as_given(terminology):
    (found,) = Linker([terminology]).link(["heart attack"], [("HEART ATTACKS", 0, 13)])
    assert found[0].alias == "Heart attack"


def test_an_abbreviation_defined_inside_a_mention_is_said_once(terminology):
    text = "Low-set ears (LSE) were seen."
    (found,) = Linker([terminology]).link(["Low-set ears (LSE)"], [(text, 0, 18)])
    assert (found[0].concept_id, found[0].query) == ("C3", "Low-set ears")


def test_each_terminology_is_asked_for_the_abbreviation_where_what_it_stands_for_finds_nothing_there():
    long = Terminology.from_records("long", [Concept("L", "Acute kidney injury")])
    short = Terminology.from_records("short", [Concept("S", "AKI")])
    (found,) = Linker([long, short]).link(["AKI"], [("Has AKI.", 4, 7)])
    assert [(one.concept_id, one.query) for one in found if not one.nil] == [("L", "acute kidney injury"), ("S", "AKI")]
