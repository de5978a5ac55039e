"""Plain data types shared by every stage: documents, mentions and the candidates a linker returns."""

from __future__ import annotations

from dataclasses import dataclass, field

#: The labels of medlink, which are OMOP domains, in the order in which they win when two mentions tie.
LABELS = ("CONDITION", "DRUG", "PROCEDURE", "MEASUREMENT", "DEVICE", "GENE", "ANATOMY")


@dataclass(frozen=True, slots=True)
class Mention:
    """A span of text that names something clinical.

    Arguments:
        start: First character of the mention in the document's text.
        end: Character after the last one, so that ``text[start:end]`` is the mention.
        label: What kind of thing it is: one of :data:`LABELS`, or a corpus' own type name.
        concept_ids: The gold concepts, where the mention comes from an annotated corpus.
    """

    start: int
    end: int
    label: str
    concept_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A text with the mentions annotated in it.

    Arguments:
        doc_id: The identifier given by the corpus or the file name.
        text: The text, exactly as read.
        mentions: Mentions in the order in which the source lists them.
    """

    doc_id: str
    text: str
    mentions: tuple[Mention, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A concept that a mention may mean, with the reason why.

    Arguments:
        concept_id: Identifier of the concept in its terminology.
        terminology: Name of the terminology.
        name: Preferred name of the concept.
        alias: The name of the concept that matched the mention.
        score: The chance that the concept is meant, 0 to 1; uncalibrated where the linker has no encoder.
        stage: The stage that found it: ``"exact"``, ``"synonym"``, ``"prior"``, ``"lexical"`` or ``"dense"``.
        nil: True where the score lies below the linker's threshold, that is where the linker
            itself would answer NIL.
        via: The concept that led here: for the ``"synonym"`` stage one of another terminology, for a code that tells
            side or encounter ("L ovarian cyst") the one that leaves them open.
        query: What was looked up: the mention with its abbreviations written out, or one part of a mention that names
            several concepts ("breast cancer" of "breast and ovarian cancer").
        stages: What each stage gave the concept; ``"rerank"`` is the logit of the cross-encoder.
    """

    concept_id: str
    terminology: str
    name: str
    alias: str
    score: float
    stage: str
    nil: bool = False
    via: str = ""
    query: str = ""
    stages: dict[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Concept:
    """An entry of a terminology.

    Arguments:
        concept_id: Identifier, for example ``"I21.9"`` or ``"HP:0001658"``.
        name: Preferred name.
        aliases: Names with their scopes. A terminology gives all, the preferred one first; what it is
            built from may leave that one out.
        types: Semantic types.
        parents: Identifiers of the direct parents.
        definition: Definition, or the empty string.
        xrefs: Cross-references, as ``"UMLS:C0027051"``.
        alternate_ids: Retired or merged identifiers that resolve to this concept.
        properties: Whatever else the source holds, by name (for ICD-10-CM: ``billable``, ``excludes1`` …).
    """

    concept_id: str
    name: str
    aliases: tuple[Alias, ...] = ()
    types: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    definition: str = ""
    xrefs: tuple[str, ...] = ()
    alternate_ids: tuple[str, ...] = ()
    properties: dict[str, object] = field(default_factory=dict)

    @property
    def synonyms(self) -> tuple[str, ...]:
        """Every name but the preferred one."""
        return tuple(alias.text for alias in self.aliases if alias.scope != "preferred")


@dataclass(frozen=True, slots=True)
class Alias:
    """One name of a concept.

    Arguments:
        text: The name.
        scope: One of :data:`medlink.terminology.store.SCOPES`, how close the name is to the concept.
    """

    text: str
    scope: str
