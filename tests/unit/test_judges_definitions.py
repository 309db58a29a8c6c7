"""Judges as files and as words of the command line: what they build, and what is said when they are wrong."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI

from judges.asking.endpoint import Endpoint
from judges.definitions.functions import FunctionJudge, discover, judge, referred
from judges.definitions.kinds import KINDS
from judges.definitions.reading import DefinitionError, build, define, load, load_folder, resolve
from judges.interaction import Interaction, JudgeFailure, Judgement, NotApplicable


def answered(output: str, **more: Any) -> Interaction:
    """An interaction with this answer."""
    return Interaction("t1", "s1", datetime(2024, 1, 5, tzinfo=UTC), "Hi", output, **more)


def endpoint(model: str) -> Endpoint:
    """An endpoint that nobody listens on; nothing here asks it."""
    client = AsyncOpenAI(base_url="http://127.0.0.1:9/v1", api_key="none")
    return Endpoint(client, model or "usual-model", rng=np.random.default_rng(1))


ASKING = 'question = "Is it right?"'
FILES = {
    "json_valid": "",
    "json_schema": 'schema = "schema.json"',
    "pydantic_model": 'class = "judges.definitions.comparison_kinds:NumberComparison"',
    "regex": "must_match = '^\\d+$'",
    "refusal": 'also = ["beyond me"]',
    "language": 'expected = "en"',
    "length": "most = 200",
    "grounded": 'paths = ["due_date"]\nyear = "derivable"',
    "fields": '[fields]\ndue_date = "date"\namount = { by = "number", tolerance = 0.01 }\n'
    'name = { by = "judge", judge = { kind = "fact", model = "m" } }\nlike = "embedding"',
    "match": 'by = "text_f1"',
    "similarity": "",
    "question": ASKING,
    "rubric": 'items = ["Is it polite?", { question = "How many?", least = 1 }]',
    "fact": 'scores = "promptfoo"',
    "grade": 'criterion = "tone"\n[levels]\n1 = "rude"\n2 = "kind"',
    "pairwise": 'criterion = "which is right"\norders = "both"',
    "steps": '[judge]\nkind = "json_valid"',
    "jury": f'models = ["gpt-4o", "claude-sonnet-4"]\n[judge]\nkind = "question"\n{ASKING}',
    "cascade": f'repeats = 1\n[cheap]\nkind = "question"\nmodel = "small"\n{ASKING}\n'
    f'[dear]\nkind = "question"\nmodel = "big"\n{ASKING}',
    "function": 'function = "own.py:polite"',
}
OWN = """
def polite(interaction):
    return "please" in interaction.output
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a definition of every kind."""
    (tmp_path / "schema.json").write_text('{"type": "object"}', "utf-8")
    (tmp_path / "own.py").write_text(OWN, "utf-8")
    judges = tmp_path
    for kind, text in FILES.items():
        (judges / f"a_{kind}.toml").write_text(f'kind = "{kind}"\n{text}\n', "utf-8")
    return judges


def letters(texts: Any) -> Any:
    """An encoder: how often each letter occurs."""
    return np.array([[text.count(chr(97 + n)) for n in range(26)] for text in texts])


def test_there_is_a_file_of_every_kind():
    """The table above leaves none out."""
    assert set(FILES) == set(KINDS)


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_can_be_built_from_its_file(kind: str, folder: Path):
    """Its score has the file's name, and it has a version."""
    definition = load(folder / f"a_{kind}.toml")
    made = build(definition, endpoint, embedder=letters)
    assert getattr(made, "version", "")
    assert definition.score == f"a_{kind}"
    assert made.name == f"a_{kind}"


def test_a_definition_says_what_it_needs_and_whom_it_asks(folder: Path):
    """Before any money is spent: fields of the dataset, and models."""
    found = {one.kind: one for one in load_folder(folder)}
    assert found["json_valid"].needs == ("output",)
    assert found["fields"].needs == ("output", "expected")
    assert found["pairwise"].needs == ("input", "output", "other")
    assert found["steps"].needs == ("steps",)
    assert found["jury"].needs == ("input", "output")
    assert found["jury"].models == ("gpt-4o", "claude-sonnet-4")
    assert found["cascade"].models == ("small", "big")
    assert found["fields"].models == ("m",)
    assert found["question"].models == ("",)
    assert found["regex"].models == ()


async def test_built_checks_judge(folder: Path):
    """What is built does what its file says."""
    verdicts = {}
    for kind, output in (
        ("json_schema", "[]"),
        ("regex", "12"),
        ("refusal", "That is beyond me."),
        ("function", "yes please"),
        ("length", "a b c"),
    ):
        made = build(load(folder / f"a_{kind}.toml"), endpoint)
        verdicts[kind] = (await made(answered(output))).value
    assert verdicts == {
        "json_schema": False, "regex": True, "refusal": False, "function": True, "length": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind = ", "is no TOML"),
        ('name = "x"', "kind: is missing; for example kind = "),
        ('kind = "regx"', "kind: 'regx' is none of json_valid, json_schema"),
        ('kind = "regex"\nmust = "x"', "must: there is no such key; regex knows kind, must_match"),
        ('kind = "regex"\nmodel = "x"', "regex asks no model; leave model away"),
        ('kind = "question"', "question: is missing; for example question = "),
        ('kind = "json_valid"\nshare = 2', "share: Input should be less than or equal to 1; for"),
        ('kind = "json_valid"\nshare = 0', "share: Input should be greater than 0; for example"),
        ('kind = "length"\nmost = "all"', "most: Input should be a valid integer"),
        ('kind = "fields"\n[fields]\na = "dat"', "fields.a.by: 'dat' is none of exact, text"),
        (
            'kind = "fields"\n[fields]\na = { by = "number", tolerance = "x" }',
            "unable to parse string as a number; for example tolerance = 0.01",
        ),
        (
            'kind = "fields"\n[fields]\na = { by = "number", tol = 1 }',
            "fields.a.tol: there is no such key; it knows by, tolerance, relative, text",
        ),
        (
            'kind = "jury"\n[[judges]]\nkind = "question"\n[[judges]]\nkind = "json_valid"',
            "judges.0.question: is missing; for example question = ",
        ),
        ('kind = "jury"\nmodels = ["a"]', "models = [...] goes with one [judge]"),
        (
            'kind = "steps"\n[judge]\nkind = "json_valid"\nservices = ["x"]',
            "services and share belong to the whole",
        ),
        ('kind = "grade"\ncriterion = "x"\nlevels = { a = "x", b = "y" }', "levels.a"),
        (
            'kind = "grade"\ncriterion = "x"\nsamples = 3\nlevels = { 1 = "x", 2 = "y" }',
            "sampled_mean",
        ),
        ('kind = "function"', "say function or entry_point, one of the two"),
        ('kind = "language"\nexpected = []', "expected: "),
        ('kind = "json_valid"\nname = "a b"', "name: String should match pattern"),
        (
            'kind = "rubric"\nitems = ["x?"]\nreviewed = false\nservices = ["shop"]',
            "nobody has reviewed this compiled checklist",
        ),
    ],
)
def test_a_wrong_file_is_told_in_one_line(text: str, said: str, tmp_path: Path):
    """The file, the key, the problem, and an example where there is one."""
    path = tmp_path / "wrong.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(DefinitionError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "json_schema"\nschema = "none.json"', "cannot be read: No such file"),
        ('kind = "json_schema"\nschema = { type = "objekt" }', "this is no JSON Schema"),
        ('kind = "regex"\nmust_match = "(?=a)"', "is no RE2 expression"),
        ('kind = "regex"', "needs must_match or must_not_match"),
        ('kind = "language"\nexpected = "english"', "use ISO 639-1 codes"),
        ('kind = "similarity"', "it needs sentence embeddings"),
        ('kind = "function"\nfunction = "nowhere:f"', "No module named 'nowhere'"),
        ('kind = "function"\nfunction = "own.py:f"', "there is no file"),
        ('kind = "function"\nentry_point = "none"', "no entry point none"),
        ('kind = "steps"\n[judge]\nkind = "length"', "judge: length: a length check needs"),
        ('kind = "fact"\nscores = { A = 1 }', "scores need exactly A, B, C, D and E"),
        ('kind = "grade"\ncriterion = "x"\nlevels = { 1 = "x", 3 = "y" }', "not consecutive"),
    ],
)
def test_what_cannot_be_built_is_told_in_one_line(text: str, said: str, tmp_path: Path):
    """Also what only shows when the judge is made; still before anything is asked."""
    path = tmp_path / "wrong.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(DefinitionError) as caught:
        build(load(path), endpoint)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_there_or_no_text(tmp_path: Path):
    """A missing file and one in another encoding are told as such."""
    with pytest.raises(DefinitionError, match="cannot be read"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'kind = "json_valid" # \xe9')
    with pytest.raises(DefinitionError, match="no UTF-8"):
        load(tmp_path / "latin.toml")


def test_two_files_cannot_write_the_same_score(tmp_path: Path):
    """Scores of two judges must not mix."""
    assert load_folder(tmp_path / "none") == ()
    for name in "ab":
        (tmp_path / f"{name}.toml").write_text('kind = "json_valid"\nname = "same"', "utf-8")
    with pytest.raises(DefinitionError, match=r"same is also that of .*a\.toml"):
        load_folder(tmp_path)


@pytest.mark.parametrize(
    ("spec", "kind", "held"),
    [
        ("json_valid", "json_valid", {}),
        ("a_length", "length", {"most": 200}),
        ("json_schema:schema.json", "json_schema", {}),
        (r"regex:^\d{2}:\d{2}$", "regex", {"must_match": r"^\d{2}:\d{2}$"}),
        ("language:en,de", "language", {"expected": ("en", "de")}),
        ("length:1-200", "length", {"least": 1, "most": 200}),
        ("length:5-", "length", {"least": 5, "most": None}),
        ("match", "match", {}),
        ("fact", "fact", {}),
        ("question:Is it right?", "question", {"question": "Is it right?"}),
        ("own.py:polite", "function", {"function": "own.py:polite"}),
        ("os.path:exists", "function", {"function": "os.path:exists"}),
    ],
)
def test_words_of_the_command_line(spec: str, kind: str, held: dict[str, Any], folder: Path):
    """A file of the folder, a kind, a kind with its argument, a function."""
    definition = resolve(spec, folder)
    assert definition.kind == kind
    assert {key: getattr(definition, key) for key in held} == held


def test_a_schema_of_the_command_line_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Beside the command, or else in the folder."""
    assert build(resolve("json_schema:schema.json", folder), endpoint)
    monkeypatch.chdir(folder)
    assert build(resolve("json_schema:schema.json"), endpoint)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("jsonvalid", "no such judge; known are a_cascade"),
        ("json_valid:x", "takes nothing after the colon"),
        ("length:many", "length:1-200"),
        ("question", "question: is missing"),
        ("regex", "RE2"),
        ("", "no such judge"),
    ],
)
def test_a_word_that_means_nothing_is_told(spec: str, said: str, folder: Path):
    """One line that says what there is."""
    if spec == "regex":
        with pytest.raises(DefinitionError, match="must_match"):
            build(resolve(spec, folder), endpoint)
        return
    with pytest.raises(DefinitionError) as caught:
        resolve(spec, folder)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_function_says_what_it_likes():
    """True or False, a number, a label, nothing, a verdict; plain or async; what it raises is stored."""

    async def later(_: Interaction) -> bool:
        return True

    said = [
        await FunctionJudge(function, "own")(answered("x"))
        for function in (
            later,
            lambda _: 3,
            lambda _: np.float64(0.5),
            lambda _: "polite",
            lambda _: None,
            lambda _: float("nan"),
            lambda _: [1],
            lambda _: 1 / 0,
            lambda _: Judgement("j", 1.0, "1", "why", "9"),
        )
    ]
    assert [type(one) for one in said] == [
        Judgement, Judgement, Judgement, Judgement, NotApplicable, JudgeFailure, JudgeFailure,
        JudgeFailure, Judgement,
    ]  # fmt: skip
    assert [one.value for one in said[:4]] == [True, 3.0, 0.5, "polite"]
    assert said[7].reason == "ZeroDivisionError: division by zero"


def test_a_decorated_function_has_a_name_and_a_version():
    """Its source text is its version, unless it says one."""

    @judge
    def one(_: Interaction) -> bool:
        return True

    @judge(name="two", version="7")
    def other(_: Interaction) -> bool:
        return False

    @judge(name="one")
    def third(_: Interaction) -> bool:
        return False

    assert (one.name, other.name, other.version) == ("one", "two", "7")
    assert one.version != third.version
    assert len(one.version) == 12


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with two entry points, of which one is broken."""
    (tmp_path / "shop_judges.py").write_text(
        "from judges.definitions.functions import judge\n@judge(name='courtesy')\ndef polite(call): return True\n",
        "utf-8",
    )
    info = tmp_path / "shop_judges-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: shop-judges\nVersion: 1.0\n", "utf-8"
    )
    (info / "entry_points.txt").write_text(
        "[outerloop.judges]\npolite = shop_judges:polite\nbroken = shop_judges:none\n", "utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("shop_judges", None)


async def test_installed_packages_offer_judges(installed: Path, caplog: pytest.LogCaptureFixture):
    """A broken one is a warning with its name; the others are there, by name and as definitions."""
    with caplog.at_level(logging.WARNING):
        found = discover()
    assert list(found) == ["polite"]
    assert "entry point broken = shop_judges:none of group outerloop.judges" in caplog.text
    assert (await found["polite"](answered("x"))).name == "courtesy"
    made = build(define({"kind": "function", "entry_point": "polite", "name": "kind"}), endpoint)
    assert (await made(answered("x"))).name == "kind"
    assert resolve("polite").kind == "function"
    with pytest.raises(DefinitionError, match="entry point broken"):
        build(resolve("broken"), endpoint)


async def test_judges_are_found_by_module_and_by_file(installed: Path):
    """A module on the path, a file beside the definition; a mistake says what is missing."""
    assert referred("shop_judges:polite").name == "courtesy"
    assert referred("shop_judges.py:polite", installed).name == "courtesy"
    for wrong in ("shop_judges:none", "none.py:polite", "no_function", "json:decoder"):
        with pytest.raises(ValueError, match=wrong.split(":")[0]):
            referred(wrong)


def test_a_definition_survives_as_json(folder: Path):
    """What a definition says can be kept and read again."""
    for path in sorted(folder.glob("*.toml")):
        one = load(path)
        again = define(json.loads(one.model_dump_json(by_alias=True)))
        assert again.model_dump() == one.model_dump()
