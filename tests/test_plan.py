"""Shards: the same cut whatever was done before, nothing lost, nothing twice."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink.bulk.plan import Failure, cut, id_of, shard_size
from medlink.formats.sources import Source


def ids(tasks):
    return {task.number: [id_of(item) for item in [*task.items, *task.unreadable]] for task in tasks}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("plan") / "notes.jsonl"
    path.write_text("".join(json.dumps({"id": f"row{i}", "text": f"note {i}"}) + "\n" for i in range(13)))
    return Source(str(path), "jsonl")


@given(st.integers(1, 9), st.sets(st.integers(0, 30)), st.none() | st.integers(1, 20), st.sampled_from([1.0, 0.4]))
def test_what_is_finished_changes_nothing_of_the_rest(table, size, finished, limit, sample):
    sources = [Source(f"a{i}.txt", "text") for i in range(5)] + [table, Source("z.txt", "text")]
    whole = ids(cut(sources, size, limit=limit, sample=sample))
    rest = ids(cut(sources, size, limit=limit, sample=sample, finished=finished))
    assert rest == {number: of for number, of in whole.items() if number not in finished}
    every = [one for of in whole.values() for one in of]
    assert len(every) == len(set(every)) <= (limit or 19)
    assert all(len(of) == size for number, of in whole.items() if number + 1 in whole)
    if sample == 1:
        assert len(every) == min(limit or 19, 19)


def test_a_file_is_read_only_where_it_is_annotated():
    (task,) = cut([Source("/nowhere/a.txt", "text")], 5)
    assert task.items[0].path == "/nowhere/a.txt"


def test_rows_that_cannot_be_read_are_failures_and_the_others_go_on(tmp_path):
    path = tmp_path / "notes.jsonl"
    path.write_text('{"id": "a", "text": "one"}\nnonsense\n[3]\n{"id": "b"}\n{"id": "c", "text": "two"}\nno')
    (task,) = cut([Source(str(path), "jsonl"), Source(str(tmp_path / "gone.csv"), "csv")], 50)
    assert [id_of(one) for one in task.items] == ["a", "c"]
    reasons = [one.reason for one in task.unreadable]
    assert all(isinstance(one, Failure) for one in task.unreadable)
    expected = [":2: not JSON", ":3: not an object", "row 4 has no text", ":6: not JSON", "no such file"]
    assert all(part in reason for part, reason in zip(expected, reasons, strict=True))


def test_small_runs_have_small_shards_and_large_ones_no_more_than_they_need():
    note = Source("a.txt", "text")
    assert shard_size([note] * 3, [0] * 3) == 8
    assert shard_size([note] * 6400, [0] * 6400) == 100
    assert shard_size([note] * 200_000, [0] * 200_000) == 500
    assert shard_size([Source("a.csv", "csv")], [30_000_000]) == 157
