"""A fine-tune job for Outerloop's retrain webhook, on a GPU or a CPU, with any Hugging Face model folder.

A program of its own: it knows the protocol (docs in README.md) and nothing of the sidecar that sends it. Read in the
order of travel: `protocol`, `orders`, `fetching`, `dialogues`, `training`, `checkpoints`, `card`, `telling`, `job`,
and on the way out `generation` and `chat`.
"""
