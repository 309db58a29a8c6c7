"""Eight simulated weeks through the product's own jobs: `python -m benchmarks.weeks`."""
