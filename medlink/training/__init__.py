"""Recipes for the models."""
