"""The statistics of judges against published and independently computed numbers, on recorded verdicts."""
