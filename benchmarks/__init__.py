"""Measured claims; each package or script is a command."""
