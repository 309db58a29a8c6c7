"""Embedding and text drift on real texts, peers beside; `python -m benchmarks.embeddings`."""
