"""What is recognised, by form and check digit, and what only looks like it."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from benchmarks.masking.lines import lines
from benchmarks.masking.quality import quality
from collector.masking import Masking
from collector.masking.choice import built_in
from monitor.settings import load_settings

KEY = "Zx81kdk2kd8fj3kd93kdQ"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/IBAAKCAQEA\nabc==\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-DEF_123"

FOUND = {
    "mail alice@example.com.": "mail [email].",
    "bob.o'neil+x@mail.co.uk": "[email]",
    "jörg@müller.de, j\\u00f6rg@m\\u00fcller.de": "[email], [email]",
    "{'from': 'a.b@x.org'}": "{'from': '[email]'}",
    "mailto:alice@x.com?subject=x": "mailto:[email]?subject=x",
    "card 4111 1111 1111 1111 123": "card [card] 123",
    "3782 822463 10005; 5555-5555-5555-4444": "[card]; [card]",
    "2024 4242 4242 4242 4242": "2024 [card]",
    "DE89 3704 0044 0532 0130 00 and GB29NWBK60161331926819.": "[iban] and [iban].",
    "call (415) 555-2671 or +44 20 7946 0123": "call [phone] or [phone]",
    "+49 30 901820, 030 901820, 06 12 34 56 78": "[phone], [phone], [phone]",
    "phone: 4155552671": "phone: [phone]",
    "0044 20 7946 0123": "[phone]",
    "078-05-1120": "[us_ssn]",
    "SSN 078051120": "SSN [us_ssn]",
    "AB123456C": "[uk_nino]",
    "86095742719": "[de_steuer_id]",
    "2 55 08 14 168 025 38": "[fr_nir]",
    "12345678Z X1234567L": "[es_dni] [es_dni]",
    "RSSMRA85T10A562S": "[it_codice_fiscale]",
    "44051401359": "[pl_pesel]",
    "529.982.247-25": "[br_cpf]",
    "130-692-544": "[ca_sin]",
    "811218-9876": "[se_personnummer]",
    "756.9217.0769.85": "[ch_ahv]",
    "85.07.30-033.28": "[be_rrn]",
    "BSN 111222333": "BSN [nl_bsn]",
    "from 192.168.1.5, 8.8.8.8:443 and 10.0.0.1.": "from [ip], [ip]:443 and [ip].",
    "2001:db8::1 fe80::1%eth0": "[ip] [ip]%eth0",
    "sk-proj-abcdEFGH1234567890abcdEF": "[api_key]",
    "sk-ant-api03-abcdEFGH1234567890abcdEF": "[api_key]",
    "AKIAIOSFODNN7EXAMPLE": "[api_key]",
    "ghp_" + "a1" * 18: "[api_key]",
    "xoxb-1234567890-abcDEF": "[api_key]",
    "AIza" + "b2" * 17 + "c": "[api_key]",
    JWT: "[jwt]",
    f"key: {PEM} end": "key: [private_key] end",
    f"Authorization: Bearer {KEY}": "Authorization: Bearer [bearer]",
    "postgres://user:pa55w0rd@host/db": "postgres://user:[url_password]@host/db",
    "password=hunter22&x=1": "password=[password]&x=1",
    f'"api_key": "{KEY}"': '"api_key": "[assigned_secret]"',
    f"CLIENT_SECRET={KEY}": "CLIENT_SECRET=[assigned_secret]",
}
UNTOUCHED = (
    "2024-01-05 12:34:56", "2024-01-05T12:34:56.789Z", "(09.11.2015)", "01/02/2024", "1700000000",
    "1700000000000000006", "550e8400-e29b-41d4-a716-446655440000", "0af7651916cd43dd8448eb211c80319c",
    "ORD-10020030", "114-3941689-8772232", "$1,234.56", "v1.2.3.4", "version 10.2.0.1", "127.0.0.1 ::1",
    "4111-1111-1111-1112", "12345678A", "DE89370400440532013001", "000-12-3456", "a[1::2] std::vector",
    "12:34:56", "max_tokens=1024", '"password": true', "password = getpass()", "icon@2x.png",
    "git@github.com:o/r.git", "a @ b, @property", "token = next(tokens)", "bearer of bad news at all times",
    "pip install a==1.2.3", "chatcmpl-AbC123def456GHI789jkl012mno345", "[0.123456, 12.3456, 100000]", "*****@*****",
)  # fmt: skip


def masking(**settings: object) -> Masking:
    """The masking of these settings."""
    made = Masking.from_settings(load_settings(**{"mask": "on", "mask_secret": "s", **settings}))
    assert made is not None
    return made


def mask(text: str, **settings: object) -> str:
    """One text, masked."""
    policy = masking(**settings)._default
    assert policy is not None
    return policy.scanner.mask(text, "", Counter())


@pytest.mark.parametrize("text", FOUND)
def test_a_value_is_found(text: str) -> None:
    """Its placeholder stands in its place, and all around it stays."""
    assert mask(text) == FOUND[text]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_only_looks_like_a_value_stays(text: str) -> None:
    """Dates, ids, versions, prices, code and numbers with a wrong check digit are left alone."""
    assert mask(text) == text


def test_a_trigger_matches_wherever_its_pattern_does() -> None:
    """Every value of the benchmark's labelled set passes the first look at the whole span."""
    policy = masking()._default
    assert policy is not None
    for line in lines(random.Random(3), 40):
        if line.value:
            assert policy.scanner.suspects(b"\x12A" + line.text.encode() + b"a\x01"), line


def test_recall_and_precision_hold() -> None:
    """On the labelled set every recogniser but `phone` finds 99 %, and nothing is raised in prose."""
    for row in quality(masking(), lines(random.Random(4), 150)):
        if "recall" in row:
            assert row["recall"] >= (0.9 if row["kind"] == "phone" else 0.99), row
            assert row["precision"] >= 0.97, row
        else:
            assert row["touched"] <= 0.01, row


def test_each_recogniser_can_be_chosen() -> None:
    """By its own name or its group; the others then leave the text alone."""
    text = "a@x.com 4111111111111111 078-05-1120"
    assert mask(text, mask_recognisers=["card"]) == "a@x.com [card] 078-05-1120"
    assert mask(text, mask_recognisers=["national_id"]) == "a@x.com 4111111111111111 [us_ssn]"
    names = [r.name for r in built_in(("US",))]
    assert {"email", "card", "iban", "ip", "phone", "jwt", "fr_nir"} <= set(names)


def test_phone_regions_decide_about_numbers_without_country_code() -> None:
    """A French number is one only where France is among the regions."""
    assert mask("06 12 34 56 78", mask_phone_regions=["FR"]) == "[phone]"
    assert mask("06 12 34 56 78", mask_phone_regions=["US"]) == "06 12 34 56 78"


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_json_stays_json(ascii_only: bool, depth: int) -> None:
    """Bare numbers become quoted placeholders and escapes stay whole, also in JSON inside JSON."""
    value: object = {
        "text": "line\nalice@example.com\tjörg@müller.de <bob@x.com>", "card": 4111111111111111,
        "minus": -4111111111111111, "cards": [4242424242424242, 1], "password": None, "pwd": 12345678,
        "phone": 4155552671, "key": PEM, "path": "C:\\nora@x.com", "é@x.com": "\\u00e9@y.com",
        "x": 'say "4111111111111111", then', "deep": [[{"ssn": "078-05-1120"}]],
    }  # fmt: skip
    for _ in range(depth):
        value = json.dumps(value, ensure_ascii=ascii_only)
    masked: object = mask(str(value))
    for left in range(depth, 0, -1):
        if left > 1 or isinstance(masked, str):
            masked = json.loads(str(masked))
    assert isinstance(masked, dict)
    assert "4111111111111111" not in str(masked)
    assert "alice" not in str(masked)
    assert "MIIE" not in str(masked)
    assert masked["card"] == masked["minus"] == "[card]"
    assert masked["pwd"] == "[password]"


def test_a_text_of_nothing_but_candidates_is_masked_whole() -> None:
    """No sender can keep the collector busy with endless near-misses, nor hide a value behind them."""
    assert mask("1111 " * 200_000 + "a@x.com") == "[unscannable]"
