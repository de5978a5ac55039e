"""Mention finders: the transformer token classifier and the dictionary."""
