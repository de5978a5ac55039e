"""The linker: mentions in, ranked concepts of one or several terminologies out, NIL where none fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from medlink.document.senses import AbbreviationUse, default_abbreviations
from medlink.errors import MedlinkError
from medlink.inference.names import load_name_encoder
from medlink.linking.annotated import AnnotatedStage
from medlink.linking.causes import by_kind_of_cause, split_cause, with_cause_first
from medlink.linking.composite import join_parts, split_mention
from medlink.linking.dense import DenseStage
from medlink.linking.evidence import SURE_STAGES
from medlink.linking.exact import ExactStage, SynonymStage
from medlink.linking.expansion import Expansion, cause_before, expand
from medlink.linking.levels import with_region
from medlink.linking.lexical import LexicalStage
from medlink.linking.model import LinkModel
from medlink.linking.modifiers import without_course, without_modifiers
from medlink.linking.narrowing import narrowed, side_of
from medlink.linking.opposites import contradicts
from medlink.linking.priors import PriorStage
from medlink.linking.ranking import Ranker
from medlink.linking.respelling import respelled
from medlink.linking.stages import Context, Query, Stage
from medlink.linking.vectors import VectorIndex
from medlink.terminology.store import Terminology
from medlink.terminology.words import stems_of
from medlink.types import Candidate

#: Score below which a candidate is NIL.
DEFAULT_THRESHOLD = 0.7
# Parts of a list that names two concepts.
_PAIR = 2


class Linker:
    """Links mentions to the concepts of terminologies.

    Names are looked up first (exact, synonym, and with a model prior). What that does not settle is searched for by its
    words (lexical) and, with a model, by its meaning (dense), and the cross-encoder reads the best candidates in the
    mention's context.

    Arguments:
        terminologies: Where to look; the first is the one that ``ent.kb_id_`` comes from.
        threshold: Score below which a candidate is marked as NIL. With a model the score is a chance: of links at 0.9
            and above at least nine in ten are right.
        model: Encoder, calibration and cross-encoder; None to link by names and words alone.
        vectors: Vectors of the terminologies' names, where they have been made.
        rerank: Whether the cross-encoder reads candidates.
        stages: The stages in order, in place of these.
        bridges: Further terminologies whose names for a thing lead to its namesake in these: HPO tells that a heart
            attack is a myocardial infarction, which a dictionary of one's own may have.
    """

    def __init__(
        self,
        terminologies: Sequence[Terminology],
        *,
        threshold: float = DEFAULT_THRESHOLD,
        model: LinkModel | None = None,
        vectors: Sequence[VectorIndex] = (),
        rerank: bool = True,
        stages: Sequence[Stage] | None = None,
        bridges: Sequence[Terminology] = (),
    ) -> None:
        if not terminologies:
            raise MedlinkError("the linker needs at least one terminology; see 'medlink terminology list'")
        if not 0 <= threshold <= 1:
            raise MedlinkError(f"threshold must lie between 0 and 1, not {threshold}")
        self.terminologies = list(terminologies)
        # All that is known, whatever is linked to: for other names, and for what words there are.
        self._known = [*self.terminologies, *bridges]
        self.threshold = threshold
        if stages is None:
            stages = [ExactStage(), SynonymStage(self._known)]
            if model is not None:
                dense = DenseStage(model.encoder, vectors)
                stages += [PriorStage(model.priors), LexicalStage(), dense]
                if model.annotated is not None:
                    stages.append(AnnotatedStage(model.priors, dense, model.annotated))
            else:
                stages += [LexicalStage()]
        self.stages = list(stages)
        self.ranker = Ranker(
            self.stages,
            threshold,
            calibration=model.calibration if model is not None else None,
            reranker=model.reranker if model is not None and rerank else None,
        )

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        terminologies: Sequence[str | Path | Terminology] | None = None,
        *,
        threshold: float | None = None,
        rerank: bool | None = None,
        encoder: str | Path = "",
    ) -> Linker:
        """Make a linker without a spaCy pipeline.

        Arguments:
            model: An installed pipeline package or the folder of one, whose linker's settings, model and
                terminologies are taken; None to link by names and words alone.
            terminologies: Names, folders or opened terminologies, in place of the model's, which then only lend
                their synonyms.
            threshold: Score below which a candidate is NIL, in place of the model's.
            rerank: Whether the cross-encoder reads candidates, in place of the model's setting.
            encoder: Name or folder of an encoder of names, in place of the model's.

        Raises:
            MedlinkError: The model, or a terminology, is not there or broken, or neither is given.
        """
        opened = None
        if terminologies is not None:
            opened = [one if isinstance(one, Terminology) else Terminology.load(one) for one in terminologies]
        if model is None:
            if opened is None:
                raise MedlinkError("name a model or terminologies, for example Linker.load(terminologies=['icd10cm'])")
            own = LinkModel.from_encoder(load_name_encoder(encoder)) if encoder else None
            return cls(opened, threshold=DEFAULT_THRESHOLD if threshold is None else threshold, model=own)
        from medlink.linking.component import load_linker

        return load_linker(model, opened, threshold=threshold, rerank=rerank, encoder=encoder)

    def link(
        self,
        mentions: Sequence[str],
        contexts: Sequence[Context | None] | None = None,
        k: int = 25,
        *,
        thorough: bool = True,
    ) -> list[list[Candidate]]:
        """Rank concepts for mentions.

        Arguments:
            mentions: The mentions.
            contexts: For each mention ``(text, start, end)``, the document it stands in: abbreviations that it
                defines, or whose sense it tells, are linked by what they stand for.
            k: Most candidates for each mention in each terminology.
            thorough: Whether a mention is searched for also where looking it up is sure of a concept, but found fewer
                than ``k``. The first candidate is the same without, in a fraction of the time.

        Returns:
            For each mention its candidates, best first; those below the threshold are marked ``nil``.

        Raises:
            MedlinkError: There are not as many contexts as mentions, or k is less than 1.
        """
        if contexts is not None and len(contexts) != len(mentions):
            raise MedlinkError(f"{len(mentions)} mentions need as many contexts, not {len(contexts)}")
        if k < 1:
            raise MedlinkError(f"k must be at least 1, not {k}")
        queries = [
            Query(mention, context)
            for mention, context in zip(mentions, contexts or [None] * len(mentions), strict=True)
        ]
        expansions = expand_queries(queries)
        return self._link_expanded(queries, expansions, k, thorough=thorough)

    def link_labelled(
        self, mentions: Sequence[tuple[str, str, Context]], k: int, expansions: Sequence[Expansion] | None = None
    ) -> list[list[Candidate]]:
        """Link mentions whose labels are known, as the pipeline does.

        A terminology without concepts for a label is passed over, so are concepts of
        :data:`INCOMPATIBLE_TYPES`, and final stages end the search.

        Arguments:
            mentions: Text, label and context of each.
            k: Most candidates for each mention in each terminology.
            expansions: For each mention what its abbreviations stand for, its side and site, where they were read.

        Returns:
            For each mention the candidates that are not NIL, best first.
        """
        if expansions is None:
            expansions = [Expansion(text, side=side_of(text, context)) for text, _, context in mentions]
        queries = [Query(text, context, label) for text, label, context in mentions]
        ranked = self._link_expanded(queries, expansions, k, thorough=False)
        return [[candidate for candidate in candidates if not candidate.nil] for candidates in ranked]

    def _link_expanded(
        self, queries: Sequence[Query], expansions: Sequence[Expansion], k: int, *, thorough: bool
    ) -> list[list[Candidate]]:
        """Link mentions by their expansions; those that find nothing, by other readings of them."""
        results: list[list[Candidate]] = [[] for _ in queries]

        def link(texts: Mapping[int, str], terminology: Terminology, *, sure: bool = False) -> None:
            asked = {i: replace(queries[i], text=text) for i, text in texts.items()}
            if sure:
                # What only a name would answer is not searched for.
                named = self.ranker.with_names(asked.values(), terminology)
                asked = {i: q for (i, q), has in zip(asked.items(), named, strict=True) if has}
            if not asked:
                return
            found = self._link(list(asked.values()), terminology, k, thorough)
            for i, candidates in zip(asked, found, strict=True):
                if sure and (not candidates or candidates[0].nil or candidates[0].stage not in SURE_STAGES):
                    continue
                others = [one for one in results[i] if one.terminology != terminology.name]
                # Where no reading finds anything, the candidates stay those of the first.
                if len(others) == len(results[i]) or not all(one.nil for one in candidates):
                    results[i] = others + candidates

        def linked(i: int, terminology: Terminology) -> Candidate | None:
            return next((one for one in results[i] if one.terminology == terminology.name and not one.nil), None)

        def unlinked(texts: Mapping[int, str], terminology: Terminology) -> dict[int, str]:
            return {i: text for i, text in texts.items() if linked(i, terminology) is None}

        def link_bare(texts: dict[int, str], terminology: Terminology, *, sure: bool = False) -> None:
            """Link what is not linked yet without words of degree, then without the side as well."""
            for sides in (False, True):
                bare = {i: without_modifiers(text, sides=sides) for i, text in unlinked(texts, terminology).items()}
                link({i: text for i, text in bare.items() if text != texts[i]}, terminology, sure=sure)
                texts = texts | bare

        def link_named(texts: Mapping[int, str], terminology: Terminology) -> None:
            """Link what is not linked yet where the reading is a name, as it stands or bare."""
            open_ = unlinked(texts, terminology)
            link(open_, terminology, sure=True)
            link_bare(open_, terminology, sure=True)

        def link_read(texts: Mapping[int, str], terminology: Terminology) -> None:
            """Link what is not linked yet by the region of the spine, the kind of its cause, then without the cause."""
            ways = {i: other_readings(text) for i, text in unlinked(texts, terminology).items()}
            for n in range(max(map(len, ways.values()), default=0)):
                link_named({i: of[n] for i, of in ways.items() if n < len(of)}, terminology)

        def link_where(
            texts: Mapping[int, str], terminology: Terminology, fits: Callable[[int, Candidate], bool]
        ) -> None:
            """Link what is not linked yet where the reading is a name, and of a concept that fits."""
            before = {i: results[i] for i in unlinked(texts, terminology)}
            link_named({i: texts[i] for i in before}, terminology)
            for i in before:
                best = linked(i, terminology)
                if best is not None and not fits(i, best):
                    results[i] = before[i]

        def link_without_course(texts: Mapping[int, str], terminology: Terminology) -> None:
            """Link what is not linked yet without "acute", "chronic" or "prior", to what does not say the opposite."""
            bare = {i: without_course(text) for i, text in unlinked(texts, terminology).items()}
            bare = {i: text for i, text in bare.items() if text != texts[i]}
            link_where(bare, terminology, lambda i, best: not contradicts(texts[i], best.name))

        expanded = {i: one.text for i, one in enumerate(expansions) if not one.open}
        with_site = {i: expansions[i].with_site for i in expanded if expansions[i].with_site}
        with_other = {i: expansions[i].with_other for i in expanded if expansions[i].with_other}
        with_cause = {i: expansions[i].with_cause for i in expanded if expansions[i].with_cause}
        cause_first = {i: turned for i, text in expanded.items() if (turned := with_cause_first(text))}
        as_written = {i: queries[i].text for i, text in expanded.items() if text != queries[i].text}
        written = {i: text for i, text in as_written.items() if expansions[i].fallback}
        # "COPD exacerbation" is a name, and may be none with the long form that the document defines.
        defined = {i: text for i, text in as_written.items() if not expansions[i].fallback}
        for terminology in self.terminologies:
            # A search would find a name of one of the two: both together must be a name.
            for joined in (with_cause, with_other, with_site, cause_first):
                link_named(joined, terminology)
            link_read(with_cause, terminology)
            link(unlinked({i: expanded[i] for i in defined}, terminology), terminology, sure=True)
            link_where(defined, terminology, partial(_is_spelled_out, queries, expanded, terminology))
            link(unlinked(expanded, terminology), terminology)
            link(unlinked(written, terminology), terminology)
            link_bare(expanded, terminology)
            spelled = {
                i: respelled(text, terminology, self._known) for i, text in unlinked(expanded, terminology).items()
            }
            link_named({i: text for i, text in spelled.items() if text != expanded[i]}, terminology)
            link_read(expanded, terminology)
            link_without_course(expanded, terminology)
        order = {terminology.name: number for number, terminology in enumerate(self.terminologies)}
        named = {terminology.name: terminology for terminology in self.terminologies}
        for candidates in results:
            candidates.sort(key=lambda c: (-c.score, order[c.terminology]))
        return [
            narrowed(of, query, one.side, named) for of, one, query in zip(results, expansions, queries, strict=True)
        ]

    def _link(
        self, queries: Sequence[Query], terminology: Terminology, k: int, thorough: bool
    ) -> list[list[Candidate]]:
        results: list[list[Candidate]] = [[] for _ in queries]
        # Each different mention of a document is linked once, in its first place, so that all its places agree.
        positions: dict[Query, list[int]] = {}
        for i, query in enumerate(queries):
            if not query.label or not terminology.labels or query.label in terminology.labels:
                positions.setdefault(self.ranker.at_first_place(query, terminology), []).append(i)
        ranked = self._rank_or_split(list(positions), terminology, k, thorough)
        for places, candidates in zip(positions.values(), ranked, strict=True):
            for i in places:
                results[i] = candidates
        return results

    def _rank_or_split(
        self, queries: Sequence[Query], terminology: Terminology, k: int, thorough: bool
    ) -> list[list[Candidate]]:
        """Rank concepts for mentions, and for the parts of those that name several concepts."""
        results = self.ranker.rank(queries, terminology, k, thorough=thorough)
        due = [split_cause(q.text) is not None for q in queries]
        ways = []
        for q, candidates, of_cause in zip(queries, results, due, strict=True):
            # A condition with its cause is often one concept: "pneumonia due to Mycoplasma".
            whole = candidates and not candidates[0].nil and (of_cause or candidates[0].stage in SURE_STAGES)
            ways.append([] if whole else split_mention(q.text))
        parts = [replace(q, text=part) for q, of in zip(queries, ways, strict=True) for way in of for part in way]
        ranked = iter(self.ranker.rank(parts, terminology, k, thorough=thorough))
        for i, of_query in enumerate(ways):
            best = results[i][0].score if results[i] else 0.0
            for way in of_query:
                of_parts = [next(ranked) for _ in way]
                # Of three parts and more one may be nothing that the terminology has.
                sure = [one for one in of_parts if one and one[0].score >= self.threshold]
                if len(sure) < len(way) - (len(way) > _PAIR):
                    continue
                # As sure as its least sure part; two parts that mean one concept are no list.
                least = min(one[0].score for one in sure)
                if due[i]:
                    sure = [one for one in sure if one is sure[-1] or not _akin(one[0], sure[-1][0], terminology)]
                if least >= best and len({one[0].concept_id for one in sure}) == len(sure):
                    results[i] = join_parts(sure, k)
                    best = least
        return results


def _akin(one: Candidate, other: Candidate, terminology: Terminology) -> bool:
    """Whether one concept stands right below what the other is below too."""
    row, of = terminology.row(one.concept_id), terminology.row(other.concept_id)
    assert row is not None
    assert of is not None
    return not set(terminology.parents(row)).isdisjoint(terminology.ancestors(of))


def _is_spelled_out(
    queries: Sequence[Query], expanded: Mapping[int, str], terminology: Terminology, i: int, best: Candidate
) -> bool:
    """Whether a concept has a name with all words that a mention's abbreviations stand for."""
    row = terminology.row(best.via or best.concept_id)
    long = set(stems_of(expanded[i])) - set(stems_of(queries[i].text))
    return row is not None and any(
        long.issubset(stems_of(terminology.aliases[alias])) for alias in terminology.alias_rows(row)
    )


def other_readings(mention: str) -> list[str]:
    """What a mention that has no name may be looked up as, the closest first."""
    return [way for way in (with_region(mention), *by_kind_of_cause(mention)) if way != mention]


def expand_queries(queries: Sequence[Query]) -> list[Expansion]:
    """Write out the abbreviations of mentions, each as its document tells, and read their sides."""
    uses: dict[str, list[AbbreviationUse]] = {}
    expansions = []
    for query in queries:
        expansion = Expansion(query.text)
        if query.context is not None:
            text, start, end = query.context
            if text not in uses:
                uses[text] = default_abbreviations().find(text)
            read = expand(text, start, end, uses[text], query.label)
            # The mention as given stays, where there is nothing to write out.
            expansion = read if read.open or read.text != text[start:end] else expansion
            expansion = replace(expansion, with_cause=cause_before(text, start, expansion.text))
        expansions.append(replace(expansion, side=side_of(query.text, query.context)))
    return expansions
