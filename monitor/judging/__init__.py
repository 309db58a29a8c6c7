"""Judges in production: which calls they see, what they may spend, what they are worth, and whether they changed."""
