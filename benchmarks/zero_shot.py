"""Speed of a GLiNER model from ONNX and from PyTorch, batch for batch, and whether both find the same.

Run ``python benchmarks/zero_shot.py runs/gliner`` after ``medlink train gliner``: the folder holds the model as ONNX in
``model`` and as the gliner library keeps it in ``library``. Needs ``pip install medlink[train]``.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from medlink.inference.gliner import GlinerModel, decode_spans
from medlink.inference.gliner_torch import load_torch
from medlink.models import blank_pipeline

LABELS = ["disease or symptom", "drug", "medical procedure", "lab test or measurement", "body part or organ"]

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("run", type=Path)
parser.add_argument("--notes", type=Path, default=Path("corpora/clinical_notes/heldout"))
parser.add_argument("--threads", type=int, default=torch.get_num_threads())
arguments = parser.parse_args()

torch.set_num_threads(arguments.threads)
tokenize = blank_pipeline().tokenizer
texts = [
    [token.text for token in tokenize(path.read_text("utf-8")) if not token.is_space]
    for path in sorted(arguments.notes.glob("*.txt"))[:48]
]
onnx = GlinerModel.load(arguments.run / "model", threads=arguments.threads)
graph, _, _ = load_torch(str(arguments.run / "library"))
models = {"ONNX Runtime": onnx, "PyTorch": GlinerModel(graph, onnx.encoder, onnx.layout, {})}
table = Table(
    "",
    "batch",
    "words a second",
    title=f"{platform.machine()}, {arguments.threads} threads, Python {platform.python_version()}",
)
results = {}
for batch in (1, 4, 8):
    for name, model in models.items():
        model.logits(texts[:4], LABELS, batch_size=batch)
        began = time.perf_counter()
        results[name] = model.logits(texts, LABELS, batch_size=batch)
        table.add_row(name, str(batch), f"{sum(map(len, texts)) / (time.perf_counter() - began):,.0f}")
Console().print(table)
pairs = list(zip(*results.values(), strict=True))
spans = [
    [[(f.start, f.end, f.label) for f in decode_spans(one, by_span=onnx.layout.by_span, threshold=0.5)] for one in pair]
    for pair in pairs
]
apart = max(float(np.abs(1 / (1 + np.exp(-a)) - 1 / (1 + np.exp(-b))).max()) for a, b in pairs)
print(
    f"texts with the same spans: {sum(a == b for a, b in spans)} of {len(spans)}; scores apart by {apart:.6f} at most"
)
