"""What an app imports through `monitor`: observe, wrap, tell, and never notice.

Reading order, as a call travels: `configuration` (who we are, where to send) → `observation` (the
decorator) → `step` (one open span) → `snapshot` (what was said, safe from later changes; `json_text`
writes it) → `outbox` (bounded queue) → `encoding` (OTLP, by `wire`) → `delivery` (the thread that sends,
over `connection`, by way of the `spool` on disk where the collector is away). `sampling` decides what is kept,
`propagation` carries the trace elsewhere, `processor` takes in the app's own spans. `clients` does the same
for an OpenAI client: `sending` (one request) → `calls` (what becomes of it) → `streams` or `bodies` (read by the
app, noted by us) → `chat`, `responses`, `embeddings`, `completions` (one API each, by way of `answers`). `scores`
and `signals` are feedback and outcomes, `memory` is for tests; `guard` keeps all of it from ever reaching the
app, `runtime` holds what is switched on, and `lasting` what is still open when the process ends.
"""
