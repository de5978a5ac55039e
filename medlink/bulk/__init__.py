"""Annotation of documents in bulk: runs that can be interrupted, on one machine or several."""
