"""Mentions that name their cause: "oxaliplatin-induced neuropathy", "steroid-related acne", "ascites due to cirrhosis".

Terminologies know drug-induced conditions, but not by each drug. A drug is known by the stem of its nonproprietary name
(WHO, The use of stems in the selection of international nonproprietary names, 2018), or by what its class is called.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Drugs against cancer, and how the names of others end.
_ANTINEOPLASTICS = (
    "chemo chemotherapy chemoradiation antineoplastic bleomycin mitomycin etoposide vincristine vinblastine "
    "vinorelbine eribulin fluorouracil 5-fu folfox folfiri r-chop cyclophosphamide ifosfamide temozolomide "
    "asparaginase"
)
_ANTINEOPLASTIC_ENDINGS = "platin taxel rubicin citabine mustine trexed trexate zomib tecan"
# Other drugs and what their classes are called, and endings.
_DRUGS = (
    "drug medication medicine steroid corticosteroid glucocorticoid opioid opiate narcotic antibiotic statin "
    "nsaid ssri snri ppi ace acei arb diuretic thiazide anticoagulant anticholinergic antipsychotic neuroleptic "
    "antidepressant antiepileptic anticonvulsant antihistamine sulfonylurea bisphosphonate tricyclic "
    "benzodiazepine barbiturate immunotherapy sulfa sulfonamide inhibitor blocker agonist antagonist lithium "
    "digoxin aspirin asa acetaminophen paracetamol isoniazid inh procainamide valproate depakote carbamazepine "
    "oxcarbazepine metoclopramide methimazole levothyroxine estrogen tamoxifen testosterone niacin colchicine "
    "allopurinol warfarin phentermine theophylline nitroglycerin nitrofurantoin dapsone levodopa quinidine "
    "flecainide morphine fentanyl ibuprofen penicillamine rifampin amphotericin tmp-smx bactrim ivig tpn iron"
)
_ENDINGS = (
    "mab nib ciclib parib limus sporin sporine lidomide cillin mycin micin cycline floxacin conazole bactam penem "
    "vudine buvir navir tegravir ciclovir vastatin pril sartan olol dipine arone dralazine oxidil zosin semide "
    "tanide thiazide gliptin gliflozin glitazone formin glutide parin xaban gatran grel prazole tidine setron "
    "triptan profen coxib fenac oxetine opram triptyline pramine peridol peridone apine piprazole promazine "
    "azepam azolam barbital toin bamate gabalin bapentin racetam trigine dronate sone solone terol tropium"
)
# Terminologies tell what these do to the mind and the body apart: a psychosis of theirs is not just a psychosis.
_SUBSTANCES = "alcohol ethanol etoh cocaine amphetamine methamphetamine meth cannabis marijuana thc heroin substance"


def _one_of(words: str, endings: str = "") -> re.Pattern[str]:
    """The last word of a cause: one of the words, or one with an ending."""
    with_ending = rf"|\w{{2,}}(?:{'|'.join(endings.split())})" if endings else ""
    return re.compile(rf"(?:.*[\s/-])?(?:(?:{'|'.join(words.split())})s?{with_ending})", re.IGNORECASE)


_DUE_TO = re.compile(
    r"(?P<condition>.*\S)\s+(?:due\s+to|secondary\s+to|2/2|d/t|caused\s+by|because\s+of)\s+(?:the\s+|an?\s+)?(?P<cause>\S.*)",
    re.IGNORECASE,
)
_CAUSED = re.compile(r"[\s-](?P<how>induced|related|associated)\s", re.IGNORECASE)
_ANTINEOPLASTIC = _one_of(_ANTINEOPLASTICS, _ANTINEOPLASTIC_ENDINGS)
_DRUG = _one_of(_DRUGS, _ENDINGS)
_SUBSTANCE = _one_of(_SUBSTANCES)


def split_cause(mention: str) -> tuple[str, str] | None:
    """A mention's condition and what it is due to: "ascites due to cirrhosis"; None where it does not say so."""
    found = _DUE_TO.fullmatch(mention)
    return (found["condition"], found["cause"]) if found else None


def with_cause_first(mention: str) -> str:
    """What terminologies call a condition that is due to another: "diabetes with neuropathy"; "" where it is not."""
    parts = split_cause(mention)
    return f"{parts[1]} with {parts[0]}" if parts else ""


@lru_cache(maxsize=1 << 12)
def by_kind_of_cause(mention: str) -> tuple[str, ...]:
    """A condition that a mention names with its cause, with the kind of cause, the narrowest first, and then alone.

    "Docetaxel-induced neutropenia" may be a chemotherapy-induced, a drug-induced or any neutropenia. What is related to
    or associated with anything but a drug is something of its own, as is what alcohol or cocaine induces.

    Arguments:
        mention: The mention.

    Returns:
        What it may be looked up as instead; empty where it names no such cause.
    """
    if due := split_cause(mention):
        condition, cause = due
        how = "due to"
    elif found := _CAUSED.search(mention):
        cause, condition = mention[: found.start()].strip(" -"), mention[found.end() :].strip()
        how = found["how"].lower()
    else:
        return ()
    if not cause or not condition or _SUBSTANCE.fullmatch(cause):
        return ()
    antineoplastic = _ANTINEOPLASTIC.fullmatch(cause) is not None
    drug = antineoplastic or _DRUG.fullmatch(cause) is not None
    if not drug and how != "induced":
        return ()
    kinds = ["chemotherapy"] * antineoplastic + ["drug"] * drug
    return (*(f"{kind}-induced {condition}" for kind in kinds), condition)
