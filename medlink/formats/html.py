"""Annotated notes as one page of HTML that needs nothing else: the marked text by displaCy, and a table."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment
from markupsafe import Markup
from spacy.displacy import parse_ents
from spacy.displacy.render import EntityRenderer
from spacy.tokens import Doc

from medlink.assertion.component import get_assertion
from medlink.formats.rows import rows_of, terminologies_of
from medlink.formats.summary import assertion_words

_COLOURS = {
    "CONDITION": "#f5b7b1",
    "DRUG": "#aed6f1",
    "PROCEDURE": "#d7bde2",
    "MEASUREMENT": "#abebc6",
    "ANATOMY": "#d5d8dc",
    "DEVICE": "#f9e79f",
    "GENE": "#fad7a0",
}
# Of what is denied.
_PALE = "#eeeeee"
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>medlink: {{ notes | map(attribute="name") | join(", ") }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1b2631; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 3rem; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d5d8dc; vertical-align: top; }
td.score { text-align: right; font-variant-numeric: tabular-nums; }
.label { border-radius: .3rem; padding: 0 .4rem; }
</style>
</head>
<body>
{% for note in notes %}
<h1>{{ note.name }}</h1>
{{ note.marked }}
{% if note.rows %}
<table>
<thead><tr><th>Mention</th><th>Label</th><th>Assertion</th><th>Attributes</th>
{% for name in note.terminologies %}<th>{{ name }}</th><th>score</th><th>matched name</th>{% endfor %}</tr></thead>
<tbody>
{% for row in note.rows %}
<tr><td>{{ row.text }}{% if row.count > 1 %} ×{{ row.count }}{% endif %}</td>
<td><span class="label" style="background: {{ colours.get(row.label, '#eee') }}">{{ row.label }}</span></td>
<td>{{ row.assertion }}</td><td>{{ row.attributes }}</td>
{% for name in note.terminologies %}{% set best = row.best.get(name) %}
{% if best %}<td>{{ best.concept_id }} {{ best.name }}</td>
<td class="score">{{ "%.2f" | format(best.score) }}</td><td>{{ best.alias }} ({{ best.stage }})</td>
{% else %}<td>–</td><td></td><td></td>{% endif %}{% endfor %}</tr>
{% endfor %}
</tbody>
</table>
{% else %}<p>No mentions found.</p>{% endif %}
{% endfor %}
</body>
</html>
"""


def docs_to_html(named: Sequence[tuple[str, Doc]]) -> str:
    """Make the page.

    Arguments:
        named: Notes with their names.
    """
    notes = []
    for name, doc in named:
        rows = rows_of(doc)
        # Not displacy.render(), which asks whether it runs in Jupyter and then prints instead of returning.
        parsed = parse_ents(doc)
        parsed["title"] = None
        colours = dict(_COLOURS)
        for shown, entity in zip(parsed["ents"], doc.ents, strict=True):
            if said := assertion_words(get_assertion(entity)):
                shown["label"] = f"{entity.label_} · {said}"
                colours[shown["label"].upper()] = _PALE if "absent" in said else _COLOURS.get(entity.label_, _PALE)
        marked = EntityRenderer(options={"colors": colours}).render([parsed], page=False)
        notes.append({"name": name, "marked": Markup(marked), "rows": rows, "terminologies": terminologies_of(rows)})
    page = Environment(autoescape=True).from_string(_PAGE)
    return str(page.render(notes=notes, colours=_COLOURS)) + "\n"
