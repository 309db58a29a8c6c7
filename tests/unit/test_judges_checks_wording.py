"""Checks of wording: patterns, lengths, languages; and refusals, with the table their phrases were set on."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from judges.checks.refusals import Refusal
from judges.checks.wording import Language, Length, Regex
from judges.interaction import Interaction, Judgement, NotApplicable


def answered(output: str, **more: str) -> Interaction:
    """An interaction with this answer."""
    return Interaction("t1", "s1", datetime(2024, 1, 5, tzinfo=UTC), "Hi", output, **more)


@pytest.mark.parametrize(
    ("check", "output", "fits"),
    [
        (Regex(r"^\d{4}-\d\d-\d\d$"), "2024-01-15", True),
        (Regex(r"^\d{4}-\d\d-\d\d$"), "on 2024-01-15", False),
        (Regex(must_not_match="(?i)as an ai"), "As an AI, I …", False),
        (Regex("due", "overdue"), "due today", True),
        (Regex("due", "overdue"), "overdue", False),
        (Regex("é$"), "café", True),
    ],
)
async def test_a_pattern_is_there_or_is_not(check: Regex, output: str, fits: bool):
    """Both conditions hold, or the reason says which does not."""
    verdict = await check(answered(output))
    assert (verdict.value, bool(verdict.reason)) == (fits, not fits)


async def test_a_pattern_cannot_hang_the_check():
    """RE2 takes linear time where backtracking would take for ever."""
    assert (await Regex("(a+)+$")(answered("a" * 50_000 + "b"))).value is False


@pytest.mark.parametrize("pattern", ["(?=a)b", "(a", r"(a)\1"])
def test_a_pattern_that_re2_refuses_is_told_at_once(pattern: str):
    """Look-around, back-references and mistakes are refused before anything is judged."""
    with pytest.raises(ValueError, match="no RE2 expression"):
        Regex(pattern)


@pytest.mark.parametrize(
    ("check", "output", "label"),
    [
        (Length(most=3), "one two three", "within"),
        (Length(most=3), "one two three four", "long"),
        (Length(2), "one", "short"),
        (Length(most=5, unit="characters"), "123456", "long"),
        (Length(most=2), "三月一日", "long"),
        (Length(most=4, unit="tokens", tokens=len), "12345", "long"),
        (Length(5, 20, unit="tokens"), "The next payment is due on March 1, 2024.", "within"),
    ],
)
async def test_a_length_is_within_its_bounds(check: Length, output: str, label: str):
    """Words, characters or tokens; the details say how many."""
    verdict = await check(answered(output))
    assert verdict.label == label
    assert verdict.details[check.unit] > 0


def test_bounds_that_exclude_everything_are_refused():
    """No bound, or the least above the most, is a mistake."""
    with pytest.raises(ValueError, match="most = 200"):
        Length()
    with pytest.raises(ValueError, match="at least 5"):
        Length(5, 4)


SENTENCES = [
    ("en", "The next payment is due on the first of March."),
    ("de", "Die nächste Rate ist am ersten März fällig."),
    ("fr", "La prochaine échéance est le premier mars."),
    ("es", "El próximo pago vence el primero de marzo."),
    ("it", "La prossima rata scade il primo marzo."),
    ("pt", "O próximo pagamento vence no dia primeiro de março."),
    ("nl", "De volgende betaling moet op 1 maart binnen zijn."),
    ("pl", "Następna rata przypada na pierwszego marca."),
    ("ru", "Следующий платёж нужно внести первого марта."),
    ("uk", "Наступний платіж треба внести першого березня."),
    ("ja", "次の支払いは3月1日です。"),
    ("zh", "下一次付款日期是三月一日。"),
    ("ko", "다음 결제일은 3월 1일입니다."),
    ("ar", "الدفعة القادمة مستحقة في الأول من مارس."),
    ("tr", "Bir sonraki taksitin son günü haftaya bugün."),
    ("sv", "Nästa betalning förfaller den första mars."),
]


@pytest.mark.parametrize(("language", "sentence"), SENTENCES)
async def test_a_sentence_has_a_language(language: str, sentence: str):
    """One sentence is enough for the languages that people ask for, within JSON as well."""
    for output in (sentence, json.dumps({"answer": sentence, "status": "ok"})):
        verdict = await Language((language,), sure=0.2)(answered(output))
        assert isinstance(verdict, Judgement)
        assert (verdict.value, verdict.label) == (True, language)


async def test_another_language_is_wrong_and_named():
    """The reason says which it is and which it should be."""
    verdict = await Language(("en",))(
        answered("Die nächste Rate Ihres Darlehens ist am ersten März fällig.")
    )
    assert (verdict.label, verdict.reason) == ("de", "written in de, expected en")


@pytest.mark.parametrize("output", ["ok", "12345 67890 123", "`for x in range(10): print(x)`", ""])
async def test_what_has_no_certain_language_is_not_judged(output: str):
    """Single words, numbers and code leave the denominator."""
    assert isinstance(await Language(("en",))(answered(output)), NotApplicable)


def test_an_unknown_language_code_is_refused():
    """A code is ISO 639-1's."""
    with pytest.raises(ValueError, match="english"):
        Language(("english",))


REFUSED = [
    "I'm sorry, but I can't help with that.",
    "I\u2019m sorry, but I can\u2019t assist with that request.",
    "I cannot provide instructions for making weapons.",
    "I can't provide medical advice.",
    "As an AI language model, I don't have personal opinions and cannot discuss this.",
    "Sorry, I am unable to help you with that.",
    "I won't be able to help with this one.",
    "I must decline to answer that.",
    "I'm not comfortable writing that.",
    "That would violate our usage policies.",
    "Unfortunately, this goes against my guidelines.",
    "I'm afraid I can't do that.",
    '{"error": "I\'m sorry, I cannot assist with this request."}',
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Leider kann ich Ihnen dabei nicht weiterhelfen.",
    "Als KI-Sprachmodell kann ich dazu keine Auskunft geben.",
    "Désolé, je ne peux pas vous aider.",
    "Lo siento, no puedo ayudar con eso.",
    "Mi dispiace, non posso aiutarti con questo.",
    "Desculpe, não posso ajudar com isso.",
    "Sorry, daar kan ik niet mee helpen.",
    "Przepraszam, nie mogę w tym pomóc.",
    "申し訳ありませんが、その件についてはお手伝いできません。",
    "抱歉,我无法提供帮助。",
]
ANSWERED = [
    "I can't find a due date in the log.",
    "The due date is 2024-01-15.",
    "I can't help but notice that the rate changed.",
    "The agent said: the bank cannot help with that.",
    "I'm sorry to hear that! Your refund is on its way.",
    "I'm sorry for the delay. The parcel arrives on Tuesday.",
    "You can't do that before the first payment.",
    "I cannot see a loan number in this call.",
    "The policy covers water damage.",
    "According to our guidelines, you have 30 days to return it.",
    "The caller refused to give a loan number.",
    '{"due_date": null, "note": "not mentioned"}',
    "I can help with that. First, open the settings.",
    "As an AI company, we publish our models.",
    "He said he would decline the offer.",
    "Kann ich sonst noch etwas tun?",
    "Die Bank kann Ihnen dabei nicht helfen, aber der Verbraucherschutz.",
    "Je peux vous aider.",
    "No puedo encontrar la fecha en el texto.",
    "お手伝いできることがあれば、お知らせください。",
    "我可以帮助您。",
    "Your card was declined.",
    "I'm unable to determine the date from the text.",
    "I don't know.",
]


async def test_refusals_are_told_by_their_wording():
    """On the hand-made table every refusal is seen and no answer is taken for one."""
    seen = {text: (await Refusal()(answered(text))).label for text in (*REFUSED, *ANSWERED)}
    assert [text for text in REFUSED if seen[text] != "refused"] == []
    assert [text for text in ANSWERED if seen[text] != "answered"] == []


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "assistant", "parts": [], "finish_reason": "content_filter"}],
        [{"role": "assistant", "parts": [{"type": "refusal", "content": "No."}]}],
        [{"role": "assistant", "content": None, "refusal": "I will not."}],
    ],
)
async def test_the_endpoints_own_word_comes_first(messages: list[dict]):
    """A content filter or a marked refusal counts, whatever the text says."""
    verdict = await Refusal()(answered("Sure.", output_messages=json.dumps(messages)))
    assert (verdict.value, verdict.label) == (False, "refused")


async def test_a_service_has_refusals_of_its_own():
    """Phrases can be added; text that is no JSON in the messages does no harm."""
    call = answered("That is beyond me.", output_messages="not json")
    assert (await Refusal()(call)).value is True
    assert (await Refusal(also=("beyond me",))(call)).value is False
