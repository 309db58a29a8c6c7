"""Judges written down: definition files, short forms and plain functions."""
