"""The pages, one module each; every one is a function that reads from top to bottom."""
