"""`outerloop demo`: the January story, lived through on the real parts with time compressed."""
