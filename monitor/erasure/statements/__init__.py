"""SQL of the erasure: how its subject is found, and what is looked for."""
