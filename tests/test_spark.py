"""Spark gives the mentions and concepts that the pipeline gives."""

import shutil
import sys

import pytest

from medlink.bulk.spark import annotate_frames
from medlink.formats.records import doc_to_record
from medlink.formats.tables import mention_rows

TEXTS = ["Known COPD and heart attack in 2003.", "No pneumonia.", "Nothing here", "Takes apixaban; mother had gout."]


@pytest.fixture
def expected(nlp):
    rows = list(mention_rows([doc_to_record(doc, str(i)) for i, doc in enumerate(nlp.pipe(TEXTS))]))
    for row in rows:
        row["finders"] = dict(row["finders"])
        row["concepts"] = [{**one, "stages": dict(one["stages"])} for one in row["concepts"]]
    return rows


def test_frames_are_annotated_as_documents_are(expected):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frames = [pd.DataFrame({"id": [0, 1], "text": TEXTS[:2]}), pd.DataFrame({"id": [2, 3], "text": TEXTS[2:]})]
    (first, second) = annotate_frames()(iter(frames))
    assert [*first.to_dict("records"), *second.to_dict("records")] == expected


@pytest.mark.slow
def test_spark_gives_the_same(expected, monkeypatch):
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    pytest.importorskip("pyspark", reason="Spark is not installed; pip install pyspark pandas")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    from pyspark.sql import SparkSession

    from medlink.bulk.spark import spark_schema

    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        notes = spark.createDataFrame([(str(i), text) for i, text in enumerate(TEXTS)], ["id", "text"])
        rows = notes.mapInPandas(annotate_frames(), spark_schema()).collect()
    finally:
        spark.stop()
    found = sorted((row["document"], row["start"], row["end"], row["label"]) for row in rows)
    assert found == sorted((row["document"], row["start"], row["end"], row["label"]) for row in expected)
    best = {(row["document"], row["start"], row["label"]): [c["concept_id"] for c in row["concepts"]] for row in rows}
    for row in expected:
        assert best[row["document"], row["start"], row["label"]] == [c["concept_id"] for c in row["concepts"]]
