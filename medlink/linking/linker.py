"""The linker: mentions in, ranked concepts of one or several terminologies out, NIL where none fits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medlink.document.senses import AbbreviationUse, default_abbreviations
from medlink.errors import MedlinkError
from medlink.linking.exact import ExactStage, SynonymStage
from medlink.linking.expansion import Expansion, expand
from medlink.linking.lexical import LexicalStage
from medlink.linking.stages import Hit, Query, Stage
from medlink.terminology.store import Terminology
from medlink.types import Candidate

#: Score below which a candidate is NIL.
DEFAULT_THRESHOLD = 0.7
#: Semantic types of ICD-10-CM and HPO that no mention of the label means.
INCOMPATIBLE_TYPES = {
    "CONDITION": frozenset({"External cause", "Mode of inheritance", "Clinical modifier", "Frequency", "Blood group"})
}
Context = tuple[str, int, int]


class Linker:
    """Links mentions to the concepts of terminologies.

    Stages are asked in turn. A stage that is final ends the search for a mention in a terminology when it
    finds anything, unless more candidates are asked for.

    Arguments:
        terminologies: Where to look; the first is the one that ``ent.kb_id_`` comes from.
        threshold: Score below which a candidate is marked as NIL.
        stages: The stages in order; by default exact, synonym and lexical.
    """

    def __init__(
        self,
        terminologies: Sequence[Terminology],
        *,
        threshold: float = DEFAULT_THRESHOLD,
        stages: Sequence[Stage] | None = None,
    ) -> None:
        if not terminologies:
            raise MedlinkError("the linker needs at least one terminology; see 'medlink terminology list'")
        if not 0 <= threshold <= 1:
            raise MedlinkError(f"threshold must lie between 0 and 1, not {threshold}")
        self.terminologies = list(terminologies)
        self.threshold = threshold
        self.stages: list[Stage] = (
            list(stages) if stages is not None else [ExactStage(), SynonymStage(self.terminologies), LexicalStage()]
        )

    @classmethod
    def load(
        cls, model: str | Path | None = None, terminologies: Sequence[str | Path | Terminology] | None = None
    ) -> Linker:
        """Make a linker without a spaCy pipeline.

        Arguments:
            model: An installed pipeline package or the folder of one, whose linker's settings and
                terminologies are taken; None for the default settings.
            terminologies: Names, folders or opened terminologies, in place of the model's.

        Raises:
            MedlinkError: The model, or a terminology, is not there or broken, or neither is given.
        """
        opened = None
        if terminologies is not None:
            opened = [one if isinstance(one, Terminology) else Terminology.load(one) for one in terminologies]
        if model is None:
            if opened is None:
                raise MedlinkError("name a model or terminologies, for example Linker.load(terminologies=['icd10cm'])")
            return cls(opened)
        from medlink.linking.component import load_linker

        return load_linker(model, opened)

    def link(
        self, mentions: Sequence[str], contexts: Sequence[Context | None] | None = None, k: int = 25
    ) -> list[list[Candidate]]:
        """Rank concepts for mentions.

        Arguments:
            mentions: The mentions.
            contexts: For each mention ``(text, start, end)``, the document it stands in: abbreviations that it
                defines, or whose sense it tells, are linked by what they stand for.
            k: Most candidates for each mention in each terminology.

        Returns:
            For each mention its candidates, best first; those below the threshold are marked ``nil``.

        Raises:
            MedlinkError: There are not as many contexts as mentions, or k is less than 1.
        """
        if contexts is not None and len(contexts) != len(mentions):
            raise MedlinkError(f"{len(mentions)} mentions need as many contexts, not {len(contexts)}")
        if k < 1:
            raise MedlinkError(f"k must be at least 1, not {k}")
        queries: list[tuple[Query, Expansion]] = []
        uses: dict[str, list[AbbreviationUse]] = {}
        for mention, context in zip(mentions, contexts or [None] * len(mentions), strict=True):
            expansion = Expansion(mention)
            if context is not None:
                text, start, end = context
                if text not in uses:
                    uses[text] = default_abbreviations().find(text)
                read = expand(text, start, end, uses[text])
                # The mention as given stays, where there is nothing to write out.
                expansion = read if read.open or read.text != text[start:end] else expansion
            queries.append((Query(mention, context), expansion))
        return self._link_expanded(queries, [""] * len(queries), k, thorough=True)

    def link_labelled(
        self, mentions: Sequence[tuple[str, str, Context]], k: int, expansions: Sequence[Expansion] | None = None
    ) -> list[list[Candidate]]:
        """Link mentions whose labels are known, as the pipeline does.

        A terminology without concepts for a label is passed over, so are concepts of
        :data:`INCOMPATIBLE_TYPES`, and final stages end the search.

        Arguments:
            mentions: Text, label and context of each.
            k: Most candidates for each mention in each terminology.
            expansions: For each mention what its abbreviations stand for, where they were read.

        Returns:
            For each mention the candidates that are not NIL, best first.
        """
        expanded = expansions if expansions is not None else [Expansion(text) for text, _, _ in mentions]
        queries = [(Query(text, context), one) for (text, _, context), one in zip(mentions, expanded, strict=True)]
        ranked = self._link_expanded(queries, [m[1] for m in mentions], k, thorough=False)
        return [
            [candidate for candidate in candidates if not candidate.nil and self._compatible(candidate, label)]
            for candidates, (_, label, _) in zip(ranked, mentions, strict=True)
        ]

    def _compatible(self, candidate: Candidate, label: str) -> bool:
        terminology = next(one for one in self.terminologies if one.name == candidate.terminology)
        row = terminology.row(candidate.concept_id)
        types = set(terminology.concept_types(row)) if row is not None else set()
        return not types or not types <= INCOMPATIBLE_TYPES.get(label, frozenset())

    def _link_expanded(
        self, queries: Sequence[tuple[Query, Expansion]], labels: Sequence[str], k: int, *, thorough: bool
    ) -> list[list[Candidate]]:
        """Link mentions by their expansions; those that find nothing as they are written, where they may be."""
        first = [i for i, (_, expansion) in enumerate(queries) if not expansion.open]
        results: list[list[Candidate]] = [[] for _ in queries]
        asked = [Query(queries[i][1].text, queries[i][0].context) for i in first]
        for i, candidates in zip(first, self._link(asked, [labels[i] for i in first], k, thorough), strict=True):
            results[i] = candidates
        again = [
            i
            for i in first
            if queries[i][1].fallback
            and queries[i][1].text != queries[i][0].text
            and all(candidate.nil for candidate in results[i])
        ]
        asked = [queries[i][0] for i in again]
        for i, candidates in zip(again, self._link(asked, [labels[i] for i in again], k, thorough), strict=True):
            results[i] = candidates if any(not candidate.nil for candidate in candidates) else results[i]
        return results

    def _link(self, queries: Sequence[Query], labels: Sequence[str], k: int, thorough: bool) -> list[list[Candidate]]:
        results: list[list[Candidate]] = [[] for _ in queries]
        for terminology in self.terminologies:
            wanted = [
                i
                for i, label in enumerate(labels)
                if not label or not terminology.labels or label in terminology.labels
            ]
            # Stages see each different mention once; where they come to use the context, that is part of it.
            positions: dict[str, list[int]] = {}
            for i in wanted:
                positions.setdefault(queries[i].text, []).append(i)
            unique = [queries[places[0]] for places in positions.values()]
            for places, ranked in zip(positions.values(), self._rank(unique, terminology, k, thorough), strict=True):
                for i in places:
                    results[i] += ranked
        order = {terminology.name: number for number, terminology in enumerate(self.terminologies)}
        for candidates in results:
            candidates.sort(key=lambda c: (-c.score, order[c.terminology]))
        return results

    def _rank(
        self, queries: Sequence[Query], terminology: Terminology, k: int, thorough: bool
    ) -> list[list[Candidate]]:
        found: list[dict[int, tuple[Hit, str]]] = [{} for _ in queries]
        open_ = [i for i, query in enumerate(queries) if query.text.strip()]
        for stage in self.stages:
            for i, hits in zip(open_, stage.retrieve([queries[i] for i in open_], terminology, k), strict=True):
                for hit in hits:
                    concept = int(terminology.alias_concept[hit.alias])
                    known = found[i].get(concept)
                    # Of two names as good, the first is the preferred one.
                    if known is None or (hit.score, -hit.alias) > (known[0].score, -known[0].alias):
                        found[i][concept] = (hit, stage.name)
            if stage.final:
                open_ = [i for i in open_ if not found[i] or (thorough and len(found[i]) < k)]
        return [self._candidates(hits, terminology, k) for hits in found]

    def _candidates(self, hits: dict[int, tuple[Hit, str]], terminology: Terminology, k: int) -> list[Candidate]:
        # Where a category and a code below it bear the same name, the code is meant.
        best = sorted(
            hits.items(), key=lambda item: (-round(item[1][0].score, 6), terminology.is_parent(item[0]), item[0])
        )[:k]
        return [
            Candidate(
                concept_id=terminology.concept_ids[concept],
                terminology=terminology.name,
                name=terminology.concept_name(concept),
                alias=terminology.aliases[hit.alias],
                score=round(hit.score, 4),
                stage=stage,
                nil=hit.score < self.threshold,
                via=hit.via,
            )
            for concept, (hit, stage) in best
        ]
