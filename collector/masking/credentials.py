"""Keys, tokens and passwords."""

from __future__ import annotations

import re
from collections import Counter
from math import log2

from collector.masking.recogniser import Candidate, Recogniser, whole

__all__ = ["CREDENTIALS"]

VENDORS = (
    "sk-[0-9A-Za-z_-]{20,}",  # OpenAI, Anthropic, OpenRouter, DeepSeek
    "[sr]k_(?:live|test)_[0-9A-Za-z]{16,}",  # Stripe
    "(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}",  # AWS
    "gh[oprsu]_[0-9A-Za-z]{36,}",  # GitHub
    "github_pat_[0-9A-Za-z_]{22,}",
    "glpat-[0-9A-Za-z_-]{20,}",  # GitLab
    "xox[abeoprs]-[0-9A-Za-z-]{10,}",  # Slack
    "xapp-[0-9]-[0-9A-Za-z-]{20,}",
    "hooks\\.slack\\.com/services/[0-9A-Za-z_/]{20,}",
    "AIza[0-9A-Za-z_-]{35}",  # Google
    "GOCSPX-[0-9A-Za-z_-]{20,}",
    "ya29\\.[0-9A-Za-z_-]{20,}",
    "hf_[0-9A-Za-z]{30,}",  # Hugging Face
    "npm_[0-9A-Za-z]{36}",
    "pypi-[0-9A-Za-z_-]{50,}",
    "SG\\.[0-9A-Za-z_-]{16,}\\.[0-9A-Za-z_-]{16,}",  # SendGrid
)
VENDOR_TRIGGER = (
    "sk-[0-9A-Za-z_-]{6}|[sr]k_(?:live|test)_|(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{4}|gh[oprsu]_[0-9A-Za-z]{6}"
    "|github_pat_|glpat-|xox[abeoprs]-|xapp-|hooks\\.slack\\.com|AIza[0-9A-Za-z_-]{4}|GOCSPX-|ya29\\."
    "|hf_[0-9A-Za-z]{6}|npm_[0-9A-Za-z]{6}|pypi-[0-9A-Za-z_-]{6}|SG\\.[0-9A-Za-z_-]{6}"
)
LOGIN_WORDS = "passwd|password|passphrase|passwort|pwd"
KEY_WORDS = (
    "secret|api[_-]?key|apikey|access[_-]?key|auth[_-]?key|account[_-]?key|private[_-]?key|token"
)
ASSIGN = r"""["'\\]{0,6}[ \t]{0,4}(?::|=>?|:=)[ \t]{0,4}["'\\]{0,6}"""
"""Between a name and its value: in JSON (also escaped), code, headers, `.env` files, query strings."""
VALUE = r"""[^\s"'\\,;&<>{}()\[\]]"""
DIGIT = re.compile(rb"[0-9]")
NO_PASSWORD = re.compile(rb"(?i)true|false|null|none|undefined|string|str|\*+|\$.*|%s")
LEAST_ENTROPY_BITS = 3.0
"""Per character: words and repeated characters are below, random text of 16 characters above."""
LEAST_SECRET_BYTES = 16


def _vendor(candidate: Candidate) -> tuple[int, int] | None:
    if not candidate.begins:
        return None
    if candidate.text.startswith(b"sk-") and not DIGIT.search(candidate.text):
        return None  # sk-learn-like-words-with-dashes
    return candidate.start, candidate.end


def _password(candidate: Candidate) -> tuple[int, int] | None:
    called = candidate.data[candidate.end : candidate.end + 1] == b"("
    if called or NO_PASSWORD.fullmatch(candidate.text):
        return None
    return candidate.start, candidate.end


def _random(candidate: Candidate) -> tuple[int, int] | None:
    text = candidate.text
    if len(text) < LEAST_SECRET_BYTES or not DIGIT.search(text) or text.isdigit():
        return None
    counts = Counter(text)
    entropy = -sum(n / len(text) * log2(n / len(text)) for n in counts.values())
    return (candidate.start, candidate.end) if entropy >= LEAST_ENTROPY_BITS else None


CREDENTIALS = (
    Recogniser(
        "private_key",
        "secret",
        r"-----BEGIN [0-9A-Z ]*PRIVATE KEY(?: BLOCK)?-----"
        r"(?:-?[0-9A-Za-z+/=\s:,.()]|\\+[nrt])*(?:-----END [0-9A-Z ]*PRIVATE KEY(?: BLOCK)?-----)?",
        "-----BEGIN [0-9A-Z ]*PRIVATE KEY",
        whole,
    ),
    Recogniser("api_key", "secret", "|".join(VENDORS), VENDOR_TRIGGER, _vendor),
    Recogniser(
        "jwt",
        "secret",
        r"eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]*",
        r"eyJ[0-9A-Za-z_-]{8}",
        whole,
    ),
    Recogniser(
        "url_password",
        "secret",
        r"""[A-Za-z][0-9A-Za-z+.-]*://[^\s:/@"'\\<>]*:([^\s/@"'\\<>]+)@""",
        r"""://[^\s:/@"'\\<>]*:[^\s/@"'\\<>]+@""",
        whole,
    ),
    Recogniser(
        "bearer",
        "secret",
        r"(?i:bearer|basic|apikey)[ \t]+([0-9A-Za-z._~+/-]{16,}=*)",
        r"(?i:bearer|basic|apikey)[ \t]+[0-9A-Za-z._~+/-]{16}",
        _random,
    ),
    Recogniser(
        "password",
        "secret",
        rf"(?i:{LOGIN_WORDS}){ASSIGN}({VALUE}{{4,}})",
        rf"(?i:{LOGIN_WORDS}){ASSIGN}{VALUE}{{4}}",
        _password,
    ),
    Recogniser(
        "assigned_secret",
        "secret",
        rf"(?i:{KEY_WORDS})[0-9A-Za-z_-]*{ASSIGN}({VALUE}{{16,}})",
        rf"(?i:{KEY_WORDS})[0-9A-Za-z_-]*{ASSIGN}{VALUE}{{16}}",
        _random,
    ),
)
