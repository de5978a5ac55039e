"""Runs: the same bytes however they were interrupted and by how many they were done, and no document lost."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import plugins
import psutil
import pytest
import spacy
from spacy.tokens import DocBin

from medlink.bulk.folder import RunFolder
from medlink.bulk.local import run_local
from medlink.bulk.report import failures, total
from medlink.bulk.run import RunSettings, plan_run, run
from medlink.errors import MedlinkError
from medlink.formats.jsonl import read_lines
from medlink.formats.tables import read_parquet

WORDS = ["anemia", "heart attack", "no retinitis", "sparrow", "mother had anemia", "NIDDM since 2010"]


@pytest.fixture(scope="module")
def model(tmp_path_factory, terminology):
    """A quick pipeline, with a component that does what a document says."""
    package = plugins.install(tmp_path_factory.mktemp("plugin"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(package)
        patch.setenv("PYTHONPATH", str(package))
        nlp = spacy.blank("en")
        finder = nlp.add_pipe("medlink_dictionary", config={"terminologies": []})
        finder.set_terminologies([terminology])
        nlp.add_pipe("medlink_sentences")
        nlp.add_pipe("medlink_assertion")
        nlp.add_pipe("poison")
        folder = tmp_path_factory.mktemp("model") / "pipeline"
        nlp.to_disk(folder)
        yield str(folder)


@pytest.fixture
def notes(tmp_path):
    rng = Random(3)
    folder = tmp_path / "notes"
    folder.mkdir()
    for i in range(40):
        text = ". ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 30)))
        (folder / f"{i:03d}.txt").write_text(f"Note {i}: {text}.\r\n")
    return folder


def annotate(notes, out, model, *, workers=1, format="jsonl", engine=run_local, **options):
    settings = RunSettings([str(notes)], model, format, **options)
    run(plan_run(settings, out), out, engine, workers)


def written(out):
    """All files of a run but those with times in them."""
    return {
        str(file.relative_to(out)): file.read_bytes()
        for file in sorted(out.rglob("*"))
        if file.is_file() and file.name not in ("ledger.jsonl", "report.html", ".lock")
    }


def failing(out):
    return dict(failures(out))


@pytest.fixture
def expected(notes, model, tmp_path):
    annotate(notes, tmp_path / "expected", model)
    return written(tmp_path / "expected")


def test_one_and_two_workers_write_the_same_and_all_documents(notes, model, tmp_path, expected):
    annotate(notes, tmp_path / "two", model, workers=2)
    assert written(tmp_path / "two") == expected
    parts = [content.decode() for name, content in expected.items() if name.startswith("part-")]
    assert len(parts) == 5
    records = [record for part in parts for record in read_lines(part.splitlines(), "x")]
    assert [Path(record["id"]).name for record in records] == [f"{i:03d}.txt" for i in range(40)]
    assert records[0]["text"] == (notes / "000.txt").read_bytes().decode()
    assert any(m["concepts"][0]["concept_id"] == "C4" for record in records for m in record["mentions"])


@pytest.mark.slow
def test_the_order_of_documents_changes_nothing_of_what_is_said_of_each(tmp_path):
    texts = [file.read_text() for file in sorted((Path(__file__).parents[1] / "examples" / "notes").glob("*.txt"))]
    said = []
    for number, order in enumerate([texts, texts[::-1], texts[::2] + texts[1::2]]):
        notes, out = tmp_path / f"notes{number}", tmp_path / f"out{number}"
        notes.mkdir()
        for i, text in enumerate(order):
            (notes / f"{i}.txt").write_text(text)
        annotate(notes, out, "en_medlink_sm")
        records = [json.loads(line) for part in sorted(out.glob("part-*")) for line in part.open()]
        assert [record["text"] for record in records] == order
        said.append({record.pop("text"): {**record, "id": ""} for record in records})
    assert any(mention["concepts"] for record in said[0].values() for mention in record["mentions"])
    assert said[0] == said[1] == said[2]


def test_a_run_that_was_cut_off_goes_on_and_ends_the_same(notes, model, tmp_path, expected):
    out, done = tmp_path / "out", []

    def cut_off(*args):
        for entry in run_local(*args):
            done.append(entry["shard"])
            yield entry
            if len(done) in (2, 3):
                raise MedlinkError("cut off")

    for _ in range(2):
        with pytest.raises(MedlinkError, match="cut off"):
            annotate(notes, out, model, engine=cut_off)
        # What a killed worker or ledger may leave.
        (out / "part-000099.jsonl.123.partial").write_text("half")
        (out / "report.html.123.partial").write_text("half")
        (out / "part-000004.jsonl").write_text("not in the ledger")
        with (out / "ledger.jsonl").open("a") as ledger:
            ledger.write('{"shard": 4, "docum')
    annotate(notes, out, model)
    assert written(out) == expected
    assert sorted(done) == [0, 1, 2]
    with RunFolder(out, json.loads((out / "manifest.json").read_text()), []) as folder:
        assert total(folder.entries()).documents == 40
    annotate(notes, out, model)  # once more, with nothing left to do
    assert written(out) == expected


COMMAND = [str(Path(sys.executable).with_name("medlink")), "annotate"]


@pytest.mark.slow
def test_killed_at_any_moment_the_run_ends_the_same(notes, model, tmp_path, expected):
    rng, out = Random(0), tmp_path / "out"
    command = [*COMMAND, str(notes), "--out", str(out), "--model", model, "--workers", "2"]
    for i in range(20):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(rng.uniform(0.5, 6))
        # Now the main process alone, now all of them.
        os.kill(process.pid, signal.SIGKILL) if i % 2 else os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if i == 10:
            # Half of what is done is forgotten, so that there is something to do again.
            ledger = out / "ledger.jsonl"
            lines = ledger.read_text().splitlines(keepends=True) if ledger.exists() else []
            ledger.write_text("".join(lines[: len(lines) // 2]))
    subprocess.run(command, check=True, capture_output=True)
    assert written(out) == expected
    assert (out / "report.html").exists()


@pytest.mark.slow
def test_ctrl_c_finishes_what_is_at_work_and_the_run_goes_on(notes, model, tmp_path):
    for i in range(40):
        (notes / f"{i:03d}.txt").write_text(f"slow anemia {i}")
    out = tmp_path / "out"
    command = [*COMMAND, str(notes), "--out", str(out), "--model", model, "--workers", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (out / "part-000000.jsonl").exists():
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    said = process.stderr.read()
    assert "what is at work is finished first" in said
    assert "run the same command to go on" in said
    assert not list(out.glob("*.partial"))
    assert len(list(out.glob("part-*"))) < 5
    last = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    assert "40 documents, 40 mentions" in last
    assert len(list(out.glob("part-*"))) == 5


def test_other_settings_or_another_model_are_refused(notes, model, tmp_path):
    out = tmp_path / "out"
    annotate(notes, out, model)
    with pytest.raises(MedlinkError, match=r"another settings, format \('jsonl', not 'csv'\)"):
        annotate(notes, out, model, format="csv")
    with pytest.raises(MedlinkError, match="another settings, limit"):
        annotate(notes, out, model, limit=3)
    meta = Path(model) / "meta.json"
    before = meta.read_text()
    meta.write_text(before + " ")
    try:
        with pytest.raises(MedlinkError, match="another model, checksum"):
            annotate(notes, out, model)
    finally:
        meta.write_text(before)


def test_a_folder_with_other_files_or_a_run_at_work_is_refused(notes, model, tmp_path):
    with pytest.raises(MedlinkError, match=r"holds other files \(000\.txt\)"):
        annotate(notes, notes, model)
    assert len(list(notes.glob("*.txt"))) == 40
    out = tmp_path / "out"
    plan = plan_run(RunSettings([str(notes)], model), out)
    with RunFolder(out, plan.manifest, plan.sources), pytest.raises(MedlinkError, match="another process is at work"):
        annotate(notes, out, model)
    with pytest.raises(MedlinkError, match="cannot be written"):
        annotate(notes, Path("/dev/null/out"), model)


@pytest.mark.slow
def test_documents_that_fail_are_told_and_take_no_other_along(notes, model, tmp_path, expected):
    (notes / "003.txt").write_text("please raise here")
    (notes / "011.txt").write_bytes(b"caf\xe9 anemia")
    (notes / "012.txt").write_text("please kill here")
    out = tmp_path / "out"
    plan = plan_run(RunSettings([str(notes)], model), out)
    (notes / "020.txt").unlink()  # between listing and reading
    run(plan, out, run_local, 2)
    reasons = {Path(name).name: reason for name, reason in failing(out).items()}
    assert reasons["003.txt"] == "RuntimeError: no luck with this one"
    assert "not UTF-8" in reasons["011.txt"] or "utf-8" in reasons["011.txt"].lower()
    assert "worker process ended" in reasons["012.txt"]
    assert "no such file" in reasons["020.txt"]
    assert not list(out.rglob("*.partial"))
    records = [json.loads(line) for part in sorted(out.glob("part-*")) for line in part.open()]
    assert len(records) == 36
    good = {record["id"]: record for record in records}
    for part in (content for name, content in expected.items() if name.startswith("part-")):
        for record in map(json.loads, part.decode().splitlines()):
            if Path(record["id"]).name not in reasons:
                assert good[record["id"]] == record


@pytest.mark.slow
def test_where_there_is_no_room_the_run_says_so_and_goes_on_later(notes, model, tmp_path, expected):
    out = tmp_path / "out"
    command = [*COMMAND, str(notes), "--out", str(out), "--model", model, "--workers", "1"]

    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))

    end = subprocess.run(command, capture_output=True, text=True, preexec_fn=little_room)
    assert end.returncode == 2
    assert "cannot be written" in end.stderr
    assert "run the same command again" in end.stderr
    assert "Traceback" not in end.stderr
    subprocess.run(command, check=True, capture_output=True)
    assert written(out) == expected


@pytest.mark.slow
@pytest.mark.parametrize("format", ["parquet", "brat", "xmi", "spacy", "html", "omop", "bioc-xml", "fhir", "conll"])
def test_every_format_is_written_whole(notes, model, tmp_path, format, expected):
    out = tmp_path / "out"
    annotate(notes, out, model, format=format, limit=10)
    parts = sorted(one for one in out.iterdir() if one.name.startswith("part-"))
    assert len(parts) == 2
    first = json.loads(expected["part-000000.jsonl"].splitlines()[0])
    if format == "parquet":
        again = {name: of for part in parts for name, of in read_parquet(part.read_bytes()).items()}
        assert [m["text"] for m in again[first["id"]]] == [m["text"] for m in first["mentions"]]
    elif format in ("brat", "xmi"):
        ends = {"brat": (".ann", ".txt"), "xmi": (".xmi",)}[format]
        assert len([one for one in parts[0].iterdir() if one.suffix in ends]) == 8 * len(ends)
        if format == "brat":
            assert (parts[0] / "0000-000.txt").read_bytes() == first["text"].encode()
    elif format == "spacy":
        docs = list(DocBin().from_disk(parts[0]).get_docs(spacy.blank("en").vocab))
        assert docs[0].text == first["text"]
        assert docs[0].user_data["medlink_id"] == first["id"]
        assert docs[0].spans["medlink"][0]._.concepts[0].concept_id == first["mentions"][0]["concepts"][0]["concept_id"]
    else:
        assert "anemia" in "".join(part.read_text() for part in parts)


def test_rows_of_a_table_are_documents_and_samples_are_always_the_same(model, tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("number,body\n" + "".join(f"n{i},anemia {i}\n" for i in range(50)))
    from medlink.formats.sources import Columns

    options = {"columns": Columns("body", "number", ""), "sample": 0.3}
    for name in ("one", "two"):
        annotate(path, tmp_path / name, model, **options)
    assert written(tmp_path / "one") == written(tmp_path / "two")
    ids = [json.loads(line)["id"] for part in sorted((tmp_path / "one").glob("part-*")) for line in part.open()]
    assert 5 < len(ids) < 25
    assert ids == sorted(ids, key=lambda one: int(one[1:]))


@pytest.mark.slow
def test_a_detected_encoding_is_told(notes, model, tmp_path):
    (notes / "007.txt").write_bytes("Sjögren’s syndrome and anemia, café-au-lait spots".encode("windows-1252"))
    out = tmp_path / "out"
    command = [*COMMAND, str(notes), "--out", str(out), "--model", model, "--encoding", "auto", "--workers", "1"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    assert "1 were not UTF-8 and were read as" in said
    records = [json.loads(line) for part in sorted(out.glob("part-*")) for line in part.open()]
    (told,) = (record for record in records if record["metadata"])
    assert told["text"].startswith("Sjögren")
    assert told["metadata"]["encoding"] in said
    assert "Encodings" in (out / "report.html").read_text()


def test_standard_input_and_senseless_settings_are_told():
    for settings, message in (
        ({"places": ["-"]}, "standard input cannot be read again"),
        ({"places": ["x"], "sample": 0}, "sample must be"),
        ({"places": ["x"], "limit": 0}, "limit must be"),
    ):
        with pytest.raises(MedlinkError, match=message):
            RunSettings(**settings)
    with pytest.raises(MedlinkError, match="no format of a run"):
        plan_run(RunSettings(["x"], format="doc"), Path("out"))


def test_a_dry_run_writes_nothing_and_the_report_counts(notes, model, tmp_path):
    out = tmp_path / "out"
    command = [*COMMAND, str(notes), "--out", str(out), "--model", model]
    said = subprocess.run([*command, "--dry-run"], check=True, capture_output=True, text=True).stderr
    assert "40 files (text), shards of 8 documents" in said
    assert not out.exists()
    (notes / "005.txt").write_text("raise <b>")
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    assert "39 documents" in said
    assert "1 failed" in said
    page = (out / "report.html").read_text()
    assert "Anaemia" in page
    assert "RuntimeError: no luck with this one" in page
    assert "absent/current/patient" in page


@pytest.mark.slow
def test_ray_gives_the_same(notes, model, tmp_path, expected):
    pytest.importorskip("ray", reason="Ray is not installed; pip install medlink[bulk]")
    out = tmp_path / "out"
    command = [*COMMAND, str(notes), "--out", str(out), "--model", model, "--workers", "2", "--engine", "ray"]
    subprocess.run(command, check=True, capture_output=True)
    assert written(out) == expected


@pytest.mark.slow
def test_ray_workers_share_the_gpus_that_there_are(notes, model, tmp_path, expected):
    ray = pytest.importorskip("ray", reason="Ray is not installed; pip install medlink[bulk]")
    from medlink.bulk.ray import run_ray

    # Ray counts GPUs without looking at them, so that what its actors ask for can be seen without any.
    ray.init(num_cpus=2, num_gpus=1, log_to_driver=False, include_dashboard=False)
    try:
        asked = []
        dataset = ray.data.Dataset
        with pytest.MonkeyPatch.context() as patch:
            mapped = dataset.map
            patch.setattr(dataset, "map", lambda self, *a, **k: asked.append(k["num_gpus"]) or mapped(self, *a, **k))
            out = tmp_path / "out"
            annotate(notes, out, model, workers=2, engine=run_ray)
    finally:
        ray.shutdown()
    assert asked == [0.5]
    assert written(out) == expected


@pytest.mark.slow
def test_a_ray_worker_that_is_killed_costs_nothing_but_time(notes, model, tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed; pip install medlink[bulk]")
    for i in range(40):
        (notes / f"{i:03d}.txt").write_text(f"slow anemia {i}")
    annotate(notes, tmp_path / "expected", model, workers=2)
    out = tmp_path / "out"
    command = [*COMMAND, str(notes), "--out", str(out), "--model", model, "--workers", "2", "--engine", "ray"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(out.glob("part-*.jsonl")):
        assert process.poll() is None
        time.sleep(0.1)
    workers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if child.name().startswith("ray::") and "Map" in child.name()
    ]
    assert workers
    workers[0].kill()
    assert process.wait(300) == 0
    assert written(out) == written(tmp_path / "expected")
