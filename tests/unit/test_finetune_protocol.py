"""The fine-tune job's door: signatures, rotation, staleness, and orders that survive and are not repeated."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from finetune_sidecar import SECRET, FinetuneSidecar, signed
from standardwebhooks import WebhookVerificationError

from examples import finetune
from examples.finetune.orders import MAX_STARTS, OrderBook
from examples.finetune.protocol import Order, TrainingError, verify
from examples.finetune.settings import Settings

ORDER = FinetuneSidecar({"train.jsonl": b""}).order("http://127.0.0.1:1", "rt-1")
OTHER = "whsec_" + "b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldA=="


def test_an_order_signed_with_the_secret_is_read() -> None:
    """Its body comes out as it went in."""
    body, headers = signed(ORDER)
    assert verify(body, headers, [SECRET]) == ORDER


def test_while_secrets_rotate_either_signs() -> None:
    """A delivery with the old or the new secret is taken; with a third it is not."""
    for secret in (SECRET, OTHER):
        body, headers = signed(ORDER, secret=secret)
        assert verify(body, headers, [OTHER, SECRET]) == ORDER
    body, headers = signed(ORDER, secret=SECRET)
    with pytest.raises(WebhookVerificationError):
        verify(body, headers, [OTHER])


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_stale_order_is_refused(minutes: int) -> None:
    """Five minutes are the tolerance, into the past and the future."""
    body, headers = signed(ORDER, at=datetime.now(UTC) + timedelta(minutes=minutes))
    with pytest.raises(WebhookVerificationError):
        verify(body, headers, [SECRET])


@pytest.mark.parametrize(
    "spoilt",
    [
        {"webhook-signature": "v1,bm8="},
        {"webhook-signature": "v1,no base64!"},
        {"webhook-signature": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-id": "msg_other"},
    ],
)
def test_a_spoilt_header_is_a_refusal_and_no_crash(spoilt: dict[str, str]) -> None:
    """Whatever is wrong with the headers, the answer is the same kind of no."""
    body, headers = signed(ORDER)
    with pytest.raises(WebhookVerificationError):
        verify(body, {**headers, **spoilt}, [SECRET])


def test_a_changed_body_is_refused() -> None:
    """The signature covers every byte."""
    body, headers = signed(ORDER)
    with pytest.raises(WebhookVerificationError):
        verify(body + b" ", headers, [SECRET])


def test_an_order_is_accepted_once(tmp_path: Path) -> None:
    """Told again it is known, also by a program that was started anew; with other data it is refused."""
    order = Order.model_validate(ORDER["data"])
    assert OrderBook(tmp_path).accept(order)
    again = OrderBook(tmp_path)
    assert not again.accept(order)
    assert again.known() == again.open() == ["rt-1"]
    changed = order.model_copy(
        update={"dataset": order.dataset.model_copy(update={"version": "x"})}
    )
    with pytest.raises(TrainingError, match="another dataset"):
        again.accept(changed)


def test_a_run_that_never_gets_on_is_given_up(tmp_path: Path) -> None:
    """After so many kills without a new checkpoint the order fails; a new checkpoint starts the count anew."""
    book = OrderBook(tmp_path)
    book.accept(Order.model_validate(ORDER["data"]))
    for _ in range(MAX_STARTS):
        book.count_start("rt-1")
    with pytest.raises(TrainingError, match="begun 5 times"):
        book.count_start("rt-1")
    checkpoint = book.folder("rt-1") / "checkpoint" / "state.pt"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"further")
    book.count_start("rt-1")


def test_the_command_line_overrules_a_request() -> None:
    """A suggestion is taken where nothing was fixed, and refused where it makes no sense."""
    own = Settings(epochs=9)
    suggested = {"epochs": 2, "learning_rate": "0.001", "unheard_of": 1}
    taken = own.suggested(suggested, fixed=frozenset({"epochs"}))
    assert (taken.epochs, taken.learning_rate) == (9, 0.001)
    for wrong in ({"epochs": 0}, {"epochs": "many"}, {"method": "magic"}):
        with pytest.raises(TrainingError):
            own.suggested(wrong, fixed=frozenset())


def test_an_id_cannot_leave_the_work_folder() -> None:
    """Ids become folder names."""
    for wrong in ("../x", "", "a/b", ".hidden"):
        with pytest.raises(ValueError, match="retrain_id"):
            Order.model_validate({**ORDER["data"], "retrain_id": wrong})


def test_it_knows_only_the_protocol() -> None:
    """No module of it imports anything of Outerloop."""
    ours = {"monitor", "collector", "judges", "dashboards", "tests"}
    for path in Path(finetune.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not ours & {name.partition(".")[0] for name in names}, path
