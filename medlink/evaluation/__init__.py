"""Metrics and the evaluation of components on annotated corpora."""
