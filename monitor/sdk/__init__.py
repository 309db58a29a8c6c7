"""What an app imports through `monitor`: observe, wrap, tell, and never notice.

Reading order, as a call travels: `configuration` (who we are, where to send) → `observation` (the
decorator) → `step` (one open span) → `snapshot` (what was said, safe from later changes) → `outbox`
(bounded queue) → `encoding` (OTLP) → `delivery` (the thread that sends). `chat`, `streams` and
`clients` do the same for an OpenAI client, `scores` for feedback and outcomes; `guard` keeps all of
it from ever reaching the app, and `runtime` holds what is switched on.
"""
