"""Faults on purpose: kills, an absent store, a full disk, damaged bodies, a long run."""
