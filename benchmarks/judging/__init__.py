"""How fast judgements are asked for, and that each ends in exactly one way."""
