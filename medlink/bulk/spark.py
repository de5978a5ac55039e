"""Annotation on Spark: a function for ``DataFrame.mapInPandas``, whose rows are those of the Parquet format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from medlink.formats.records import annotated, new_document
from medlink.formats.tables import mention_rows, parquet_schema
from medlink.inference import onnx
from medlink.models import DEFAULT_MODEL, load_model

if TYPE_CHECKING:
    import pandas as pd

_pipelines: dict[str, Any] = {}


def annotate_frames(
    model: str = DEFAULT_MODEL, *, text: str = "text", id: str = "id", date: str = "", threads: int = 1
) -> Callable[[Iterator[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """A function that annotates frames of notes, for ``mapInPandas``.

    Each Python worker of Spark loads the pipeline once. A document that fails ends the job, as Spark has it.

    Arguments:
        model: Installed pipeline package, or the folder of one, on all machines.
        text: Column with the text.
        id: Column with the identifier.
        date: Column with the date; "" where there is none.
        threads: CPU threads of each model in a worker.

    Returns:
        A function from frames of notes to frames with a row a mention, of :func:`spark_schema`.
    """

    def annotate(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        import pandas as pd

        if model not in _pipelines:
            onnx.set_threads(threads)
            _pipelines[model] = load_model(model)
        nlp = _pipelines[model]
        for frame in frames:
            dates = frame[date].fillna("").astype(str) if date else [""] * len(frame)
            notes = [
                new_document(str(one), words, date=when)
                for one, words, when in zip(frame[id], frame[text], dates, strict=True)
            ]
            with nlp.memory_zone():
                docs = nlp.pipe(note["text"] for note in notes)
                records = [annotated(note, doc) for doc, note in zip(docs, notes, strict=True)]
            rows = list(mention_rows(records))
            for row in rows:
                # What Arrow takes as pairs, Spark's conversion from pandas takes as a dictionary.
                row["finders"] = dict(row["finders"])
                row["concepts"] = [{**one, "stages": dict(one["stages"])} for one in row["concepts"]]
            yield pd.DataFrame(rows, columns=parquet_schema().names)

    return annotate


def spark_schema() -> Any:
    """The schema of the rows, as Spark's ``StructType``."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(parquet_schema())
