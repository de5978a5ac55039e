"""UIMA CAS as XMI, by the package ``dkpro-cassis``.

Source: OASIS UIMA 1.0. A mention is a ``medlink.Mention``, its candidates ``medlink.Concept``; attributes, triggers and
what is known of the document besides are JSON.
"""

from __future__ import annotations

import io
import json
import warnings
from functools import lru_cache
from typing import Any, cast

from medlink.assertion.values import DIMENSIONS
from medlink.errors import MedlinkError
from medlink.formats.records import DocumentRecord, new_concept, new_document, new_mention
from medlink.formats.text import xml_text

_CONCEPT = ("concept_id", "terminology", "name", "alias", "stage", "via", "query")
_BESIDES = ("metadata", "sections", "abbreviations")


@lru_cache(maxsize=1)
def _types() -> Any:
    import cassis

    types = cassis.TypeSystem()
    concept = types.create_type("medlink.Concept", "uima.cas.TOP")
    for name in _CONCEPT:
        types.create_feature(concept, name, "uima.cas.String")
    types.create_feature(concept, "score", "uima.cas.Double")
    types.create_feature(concept, "stages", "uima.cas.String")
    mention = types.create_type("medlink.Mention", "uima.tcas.Annotation")
    for name in ("label", "section", *DIMENSIONS, "triggers", "finders", "attributes"):
        types.create_feature(mention, name, "uima.cas.String")
    types.create_feature(mention, "entity", "uima.cas.Boolean")
    types.create_feature(mention, "concepts", "uima.cas.FSArray", elementType="medlink.Concept")
    document = types.create_type("medlink.Document", "uima.cas.TOP")
    for name in ("id", "date", *_BESIDES):
        types.create_feature(document, name, "uima.cas.String")
    return types


def type_system() -> str:
    """The type system as XML, which UIMA wants beside the files."""
    return str(_types().to_xml())


def write_xmi(record: DocumentRecord) -> str:
    """A document as XMI. Characters that XML cannot hold become U+FFFD."""
    import cassis

    types = _types()
    cas = cassis.Cas(typesystem=types)
    cas.sofa_string, cas.sofa_mime = xml_text(record["text"]), "text/plain"
    besides = {name: json.dumps(cast(Any, record)[name]) for name in _BESIDES}
    cas.add(types.get_type("medlink.Document")(id=xml_text(record["id"]), date=record["date"], **besides))
    concept, array = types.get_type("medlink.Concept"), types.get_type("uima.cas.FSArray")
    for one in record["mentions"]:
        candidates = [
            concept(
                score=candidate["score"],
                stages=json.dumps(candidate["stages"]),
                **{name: xml_text(cast(Any, candidate)[name]) for name in _CONCEPT},
            )
            for candidate in one["concepts"]
        ]
        cas.add(
            types.get_type("medlink.Mention")(
                begin=one["start"],
                end=one["end"],
                label=xml_text(one["label"]),
                section=one["section"],
                entity=one["entity"],
                triggers=json.dumps(one["assertion"]["triggers"]),
                finders=json.dumps(one["finders"]),
                attributes=json.dumps(one["attributes"]),
                concepts=array(elements=candidates),
                **{name: cast(Any, one["assertion"])[name] for name in DIMENSIONS},
            )
        )
    return str(cas.to_xmi())


def read_xmi(content: str, doc_id: str) -> DocumentRecord:
    """Read a document: the text of any CAS, and the mentions of one that medlink wrote.

    Arguments:
        content: The XMI.
        doc_id: Identifier of the document, where the file tells none.

    Raises:
        MedlinkError: It is not XMI, or has no text.
    """
    import cassis

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of annotations by others, whose types are not known here
            cas = cassis.load_cas_from_xmi(io.BytesIO(content.encode()), typesystem=_types(), lenient=True)
        text = cas.sofa_string
    except Exception as error:  # lxml and cassis raise many kinds
        raise MedlinkError(f"{doc_id}: not a UIMA CAS in XMI ({error})") from None
    if text is None:
        raise MedlinkError(f"{doc_id}: the CAS has no text in its initial view")
    record = new_document(doc_id, text)
    for document in cas.select("medlink.Document"):
        record["id"], record["date"] = document.id or "", document.date or ""
        for name in _BESIDES:
            cast(Any, record)[name] = json.loads(document[name])
    for one in cas.select("medlink.Mention"):
        mention = new_mention(text, one.begin, one.end, one.label)
        mention["entity"], mention["section"] = bool(one.entity), one.section or ""
        mention["finders"], mention["attributes"] = json.loads(one.finders), json.loads(one.attributes)
        for name in DIMENSIONS:
            cast(Any, mention["assertion"])[name] = one[name]
        mention["assertion"]["triggers"] = json.loads(one.triggers)
        for candidate in one.concepts.elements or ():
            concept = new_concept("", "", score=candidate.score)
            concept["stages"] = json.loads(candidate.stages)
            cast(Any, concept).update({name: candidate[name] or "" for name in _CONCEPT})
            mention["concepts"].append(concept)
        record["mentions"].append(mention)
    return record
