"""Mentions as rows: CSV for spreadsheets, Parquet for everything larger.

A row of CSV has the best concept; its columns ``attributes``, ``triggers`` and ``concepts`` hold the rest as JSON.
Parquet has the candidates nested, as a list of structures.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, cast

from medlink.assertion.values import DIMENSIONS
from medlink.errors import MedlinkError
from medlink.formats.records import AssertionRecord, ConceptRecord, DocumentRecord, MentionRecord, new_mention

_MENTION = ("start", "end", "text", "label", "entity", "section")
_BEST = ("terminology", "concept_id", "name", "score")
_AS_JSON = ("finders", "attributes", "triggers", "concepts")
#: Columns of CSV.
COLUMNS = ("document", "date", *_MENTION, *DIMENSIONS, *_BEST, *_AS_JSON)


def write_csv(records: Iterable[DocumentRecord]) -> str:
    """The mentions of documents as CSV, RFC 4180, the names of the columns first."""
    content = io.StringIO(newline="")
    writer = csv.writer(content)
    writer.writerow(COLUMNS)
    for record in records:
        for mention in record["mentions"]:
            best = cast(dict[str, Any], mention["concepts"][0]) if mention["concepts"] else dict.fromkeys(_BEST, "")
            rest = mention | {"triggers": mention["assertion"]["triggers"]}
            writer.writerow(
                [
                    record["id"],
                    record["date"],
                    *(cast(Any, mention)[name] for name in _MENTION),
                    *(cast(Any, mention["assertion"])[name] for name in DIMENSIONS),
                    *(best[name] for name in _BEST),
                    *(json.dumps(cast(Any, rest)[name], ensure_ascii=False) for name in _AS_JSON),
                ]
            )
    return content.getvalue()


def read_csv(content: str, source: str) -> dict[str, list[MentionRecord]]:
    """Read mentions.

    Arguments:
        content: The CSV, its names of columns first.
        source: Where it comes from, for errors.

    Returns:
        For each document that has any its mentions.

    Raises:
        MedlinkError: A row is broken.
    """
    mentions: dict[str, list[MentionRecord]] = defaultdict(list)
    for number, row in enumerate(csv.DictReader(io.StringIO(content, newline="")), start=2):
        try:
            mention = new_mention("", int(row["start"]), int(row["end"]), row["label"])
            mention["text"], mention["section"] = row["text"], row["section"]
            mention["entity"] = row["entity"] == "True"
            mention["finders"], mention["attributes"] = json.loads(row["finders"]), json.loads(row["attributes"])
            mention["concepts"] = json.loads(row["concepts"])
            said = {name: row[name] for name in DIMENSIONS} | {"triggers": json.loads(row["triggers"])}
            mention["assertion"] = cast(AssertionRecord, said)
            mentions[row["document"]].append(mention)
        except (KeyError, ValueError, TypeError) as error:
            raise MedlinkError(f"{source}:{number}: not a row of mentions ({error})") from None
    return dict(mentions)


def parquet_schema() -> Any:
    """The ``pyarrow`` schema of a mention."""
    import pyarrow as pa

    concept = pa.struct(
        [
            ("concept_id", pa.string()),
            ("terminology", pa.string()),
            ("name", pa.string()),
            ("alias", pa.string()),
            ("score", pa.float64()),
            ("stage", pa.string()),
            ("via", pa.string()),
            ("query", pa.string()),
            ("stages", pa.map_(pa.string(), pa.float64())),
        ]
    )
    trigger = pa.struct(
        [(name, pa.string()) for name in ("dimension", "value", "rule", "text")]
        + [(name, pa.int64()) for name in ("start", "end")]
    )
    return pa.schema(
        [
            ("document", pa.string()),
            ("date", pa.string()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("text", pa.string()),
            ("label", pa.string()),
            ("entity", pa.bool_()),
            ("section", pa.string()),
            ("finders", pa.map_(pa.string(), pa.float64())),
            *((name, pa.string()) for name in DIMENSIONS),
            ("triggers", pa.list_(trigger)),
            ("attributes", pa.string()),
            ("concepts", pa.list_(concept)),
        ]
    )


def mention_rows(records: Iterable[DocumentRecord]) -> Iterator[dict[str, Any]]:
    """The mentions of documents as rows of Parquet; attributes are JSON, since labels have different ones."""
    for record in records:
        for mention in record["mentions"]:
            row: dict[str, Any] = {"document": record["id"], "date": record["date"], **mention}
            row.update(row.pop("assertion"))
            row["finders"] = list(mention["finders"].items())
            row["attributes"] = json.dumps(mention["attributes"], ensure_ascii=False) if mention["attributes"] else None
            row["concepts"] = [{**one, "stages": list(one["stages"].items())} for one in mention["concepts"]]
            yield row


def write_parquet(records: Iterable[DocumentRecord]) -> bytes:
    """The mentions of documents as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(mention_rows(records)), parquet_schema()), file, compression="zstd")
    return file.getvalue()


def read_parquet(content: bytes) -> dict[str, list[MentionRecord]]:
    """Read mentions that :func:`write_parquet` wrote, for each document that has any.

    Raises:
        MedlinkError: It is not such a file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(io.BytesIO(content), schema=parquet_schema()).to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise MedlinkError(f"not a Parquet file of mentions ({error})") from None
    mentions: dict[str, list[MentionRecord]] = defaultdict(list)
    for row in rows:
        mention = new_mention("", row["start"], row["end"], row["label"])
        mention["text"], mention["entity"], mention["section"] = row["text"], row["entity"], row["section"]
        mention["assertion"] = cast(AssertionRecord, {name: row[name] for name in (*DIMENSIONS, "triggers")})
        mention["finders"] = dict(row["finders"] or ())
        mention["attributes"] = json.loads(row["attributes"]) if row["attributes"] else None
        mention["concepts"] = [cast(ConceptRecord, one | {"stages": dict(one["stages"])}) for one in row["concepts"]]
        mentions[row["document"]].append(mention)
    return dict(mentions)
