"""Checks and judges: pure functions of an interaction, with sampling, budgets and honest rates.

Nothing here knows a store, a clock or a setting; a judge gets its model passed in.
"""
