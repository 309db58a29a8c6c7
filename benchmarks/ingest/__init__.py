"""Ingest, side by side with its peers and the engine's own limit."""
