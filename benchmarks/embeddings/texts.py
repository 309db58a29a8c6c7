"""The recorded texts, broken and foreign ones made of them, and their embeddings."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.jobs.embed import encode
from monitor.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Corpus", "read_corpus"]

TYPOS = 0.08
"""Share of letters that are another one."""
HAN = (
    "我们想要知道你的银行账户余额今天天气怎么样请帮我预订机票明天早上七点叫醒谢谢多少钱"
    "餐厅附近有什么好吃的信用卡丢了怎么办转账失败为播放音乐设置提醒"
)


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Texts with what they are about and their vectors."""

    texts: list[str]
    labels: NDArray[np.str_]
    """An intent, or `oos`, `typo`, `lang`."""
    vectors: NDArray[np.float32]

    @property
    def intents(self) -> NDArray[np.str_]:
        """What people ask about."""
        found: NDArray[np.str_] = np.unique(self.labels)
        return found[~np.isin(found, ["oos", "typo", "lang"])]

    def of(self, *labels: str) -> NDArray[np.int64]:
        """Rows with these labels."""
        return np.flatnonzero(np.isin(self.labels, labels))


def read_corpus(folder: Path, cache: Path | None) -> Corpus:
    """CLINC150's test set with its out-of-scope texts and banking77's, embedded.

    Args:
        folder: holds `clinc_oos/test.json` and `banking77/test.csv`.
        cache: file for the vectors, which take a minute or two; written when it does not fit.
    """
    recorded = json.loads((folder / "clinc_oos" / "test.json").read_text("utf-8"))
    rows = [(text, f"clinc {intent}") for text, intent in recorded["test"]]
    with (folder / "banking77" / "test.csv").open(encoding="utf-8", newline="") as file:
        rows += [(row["text"], f"banking {row['category']}") for row in csv.DictReader(file)]
    rng = random.Random(3)
    broken = [(_mistyped(text, rng), "typo") for text, _ in rng.sample(rows, 600)]
    foreign = ["".join(rng.choice(HAN) for _ in range(rng.randint(8, 20))) for _ in range(200)]
    rows += [(text, "oos") for text, _ in recorded["oos_test"]]
    rows += broken + [(text, "lang") for text in foreign]
    texts = [text for text, _ in rows]
    return Corpus(texts, np.array([label for _, label in rows]), _vectors(texts, cache))


def _mistyped(text: str, rng: random.Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(rng.choice(letters) if rng.random() < TYPOS else sign for sign in text)


def _vectors(texts: list[str], cache: Path | None) -> NDArray[np.float32]:
    model = str(Settings.model_fields["embedding_model"].default)
    key = hashlib.sha256("\0".join([model, *texts]).encode()).hexdigest()
    if cache is not None and cache.is_file():
        with np.load(cache) as kept:
            if str(kept["key"]) == key:
                found: NDArray[np.float32] = kept["vectors"]
                return found
    vectors = np.asarray(encode(model, texts), dtype=np.float32)
    if cache is not None:
        np.savez(cache, vectors=vectors, key=key)
    return vectors
