"""Checks of an answer that ask no model: structure, fields, wording, groundedness, similarity."""
