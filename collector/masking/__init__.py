"""Personal data and secrets are taken out of what is sent before anything touches the disk.

A request is changed in place between its decoding and the write-ahead log: `Masking.from_settings`
once at start, `apply` for every request. Recognition is by form and check digit, in linear time
(RE2); names and addresses of people need a language model, such as the spaCy models of Microsoft's
Presidio, which is too heavy and too slow for the accept path.
"""

from __future__ import annotations

from collector.masking.request import Masking

__all__ = ["Masking"]
