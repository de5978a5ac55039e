"""Corpora and outputs, one file per format."""
