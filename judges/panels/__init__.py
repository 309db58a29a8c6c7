"""Several judges together: juries, cascades, who is admitted, and who must not judge whom."""
