"""``medlink_ner``: a transformer token classifier run by ONNX Runtime."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import minibatch

from medlink.errors import MedlinkError
from medlink.recognition.agreement import agreeing
from medlink.recognition.mentions import add_mentions, check_share, cut_at_line_ends, trim
from medlink.recognition.ner_model import NerModel
from medlink.recognition.short_forms import short_forms
from medlink.recognition.tags import decode, tag_score, tags_to_spans

# On the development splits of BC5CDR, NCBI-disease, AnatEM and BC2GM, with a classifier that had not read them, the
# mean F1 is the same from here to 0.65, and lower below (by 0.1 points at 0.5); the lower one finds more.
_THRESHOLD = 0.6
# On the same splits, 0.2 raised F1 by 0.4, 0.4, 0.1 and 0 points, and on the held-out synthetic notes by 0.1.
_AGREEMENT = 0.2


@Language.factory(
    "medlink_ner",
    assigns=["doc.ents", "doc.spans", "span._.finders"],
    default_config={
        "threshold": _THRESHOLD,
        "agreement": _AGREEMENT,
        "ensemble": True,
        "threads": 0,
        "providers": [],
        "batch_size": 0,
        "stop_mentions": [],
    },
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_ner(
    nlp: Language,
    name: str,
    threshold: float,
    agreement: float,
    ensemble: bool,
    threads: int,
    providers: list[str],
    batch_size: int,
    stop_mentions: list[str],
) -> "MedlinkNer":
    """Make the component; its model comes with ``from_disk`` or :meth:`MedlinkNer.load_model`."""
    return MedlinkNer(
        name,
        threshold=threshold,
        agreement=agreement,
        ensemble=ensemble,
        threads=threads,
        providers=providers,
        batch_size=batch_size,
        stop_mentions=stop_mentions,
    )


class MedlinkNer:
    """Finds mentions with a token classifier.

    Each label is tagged on its own, so mentions of different labels may overlap in
    ``doc.spans["medlink"]``; see :mod:`medlink.recognition.mentions` for the choice of ``doc.ents``.

    Arguments:
        name: Name in the pipeline.
        threshold: Least score of a mention, 0 to 1; lower, more mentions are found and fewer of them are right.
        agreement: How much a word is held for part of a mention as it is elsewhere in the document, 0 (not at all) to 1
            (:func:`medlink.recognition.agreement.agreeing`).
        ensemble: Whether both classifiers of a model that has two are asked; with the first alone half the time is
            taken, and somewhat less is right.
        threads: CPU threads; 0 for all cores.
        providers: ONNX Runtime's execution providers in order; empty for CUDA where there is one, else CPU.
        batch_size: Most windows of full length run at once; 0 for what suits the device.
        stop_mentions: Texts that are never a mention, in any case: what notes abbreviate and a model
            trained on abstracts takes for a drug or a disease. "DRUG:RA" is none with that label.

    Raises:
        MedlinkError: A setting is out of its range.
    """

    def __init__(
        self,
        name: str = "medlink_ner",
        *,
        threshold: float = _THRESHOLD,
        agreement: float = _AGREEMENT,
        ensemble: bool = True,
        threads: int = 0,
        providers: Iterable[str] = (),
        batch_size: int = 0,
        stop_mentions: Iterable[str] = (),
    ) -> None:
        if batch_size < 0:
            raise MedlinkError(f"{name}: batch_size must be at least 0, not {batch_size}")
        check_share(name, "threshold", threshold)
        check_share(name, "agreement", agreement)
        self.name = name
        self.threshold = threshold
        self.agreement = agreement
        self.ensemble = ensemble
        self.threads = threads
        self.providers = tuple(providers)
        self.batch_size = batch_size
        self.stop_mentions = frozenset(text.casefold() for text in stop_mentions)
        self.model: NerModel | None = None

    def load_model(self, folder: str | Path) -> "MedlinkNer":
        """Load a trained model.

        Arguments:
            folder: Holds ``model.onnx``, ``tokenizer.json`` and ``ner.json`` (labels and window), and of two
                classifiers also ``second/model.onnx``.

        Raises:
            MedlinkError: A file is missing or broken.
        """
        return self._load(NerModel.files_in(Path(folder)))

    def _load(self, files: Mapping[str, Path | bytes]) -> "MedlinkNer":
        self.model = NerModel(
            files, threads=self.threads, providers=self.providers, ensemble=self.ensemble, name=self.name
        )
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the model; none without one."""
        return self.model.labels if self.model else ()

    def __call__(self, doc: Doc) -> Doc:
        """Find the mentions of one document."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 64) -> Iterator[Doc]:
        """Find the mentions of documents; windows of all documents of a batch are run together.

        Arguments:
            stream: The documents.
            batch_size: Documents taken from the stream at once.
        """
        for docs in minibatch(stream, batch_size):  # type: ignore[no-untyped-call]
            docs = list(docs)
            for doc, found in zip(docs, self.predict(docs), strict=True):
                add_mentions(doc, [span for span, _ in found], self.name, [score for _, score in found])
            yield from docs

    def predict(self, docs: list[Doc]) -> list[list[tuple[Span, float]]]:
        """The mentions of documents with the probability of each, 0 to 1; the documents are left as they are."""
        if self.model is None:
            raise MedlinkError(f"{self.name} has no model; load a pipeline that has one, or call load_model(folder)")
        texts = [[token.text for token in doc] for doc in docs]
        pieces = self.model.encoder.encode(texts)
        logits = self.model.logits(pieces, self.batch_size)
        results = []
        for doc, text, of_doc, outputs in zip(docs, texts, pieces, logits, strict=True):
            words = np.flatnonzero(of_doc.first >= 0)
            found: list[tuple[Span, float]] = []
            if len(words):
                of_words = agreeing(outputs[of_doc.first[words]], [text[i] for i in words], self.agreement)
                tags = decode(of_words)
                for column, label in enumerate(self.labels):
                    for start, end in tags_to_spans(tags[:, column]):
                        score = tag_score(of_words[start:end, column], tags[start:end, column])
                        if score < self.threshold:
                            continue
                        spans = cut_at_line_ends(doc, int(words[start]), int(words[end - 1]) + 1, label)
                        found += [(one, score) for span in spans if (one := trim(span)) is not None]
                found += short_forms(doc, found)
            results.append([one for one in found if not self._is_stopped(one[0])])
        return results

    def _is_stopped(self, span: Span) -> bool:
        return not self.stop_mentions.isdisjoint((span.text.casefold(), f"{span.label_}:{span.text}".casefold()))

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """spaCy's entity scores of examples."""
        from spacy.scorer import get_ner_prf

        return dict(get_ner_prf(list(examples)))

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The component with its model as bytes."""
        return bytes(srsly.msgpack_dumps({name: data for name, data in self._files().items() if name not in exclude}))

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "MedlinkNer":
        """Load what :meth:`to_bytes` gave."""
        files = srsly.msgpack_loads(data)
        return self._load(files) if files else self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the component with its model into a folder."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self._files().items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(data)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "MedlinkNer":
        """Load what :meth:`to_disk` wrote."""
        # A component saved before it had a model leaves an empty folder.
        return self.load_model(path) if any(Path(path).iterdir()) else self

    def _files(self) -> dict[str, bytes]:
        return self.model.contents() if self.model else {}
