"""Curation: which calls become training data, with whose label, why, and what must never leave the house."""
