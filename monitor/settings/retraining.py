"""Retraining: the fine-tune job, datasets, candidates and who decides."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from monitor.settings.kinds import Url

__all__ = ["Retraining"]


class Retraining(BaseModel):
    """What is asked of the fine-tune job, what a candidate must keep to, what a dataset leaves out."""

    retrain_webhook_url: Url = Field(
        None,
        description="the fine-tune job that is asked to retrain",
        examples=["https://gpu.example/retrain"],
    )
    retrain_webhook_secret: SecretStr | None = Field(
        None,
        description="Standard Webhooks secret shared with it; several, separated by commas or blanks, while one is"
        " replaced by another",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    retrain_cooldown_days: Annotated[float, Field(ge=0)] = Field(
        7,
        description="days after a retrain was promoted, rejected or rolled back in which no other one of its service is"
        " proposed by itself; people may ask for one all the same",
        examples=[14],
    )
    retrain_limit_per_month: Annotated[int, Field(ge=1)] = Field(
        4,
        description="retrains of a service that are proposed by themselves within 30 days at most",
        examples=[2],
    )
    retrain_usd_per_million_tokens: Annotated[float, Field(ge=0)] | None = Field(
        None,
        description="what training on a million tokens costs, for the advice's expected cost; not told when not set",
        examples=[0.4],
    )
    retrain_silence_hours: Annotated[float, Field(gt=0)] = Field(
        24,
        description="a fine-tune job that has taken a request and is not heard of for so long has failed;"
        " what it reports later is still taken while no other retrain has begun",
        examples=[6],
    )
    auto_approve: bool = Field(
        False,  # noqa: FBT003 - pydantic's way to say a default
        description="a candidate whose comparison says `better` is approved and promoted without a person;"
        " `outerloop doctor`, the retrain's page and every message then say so",
        examples=["true"],
    )
    candidate_margin: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.02,
        description="rise of the error rate outside the failing slice up to which a candidate is not worse",
        examples=[0.01],
    )
    candidate_min_calls: Annotated[int, Field(ge=1)] = Field(
        30,
        description="labelled reserved calls without which a candidate is never called better",
        examples=[200],
    )
    candidate_latency_ratio: Annotated[float, Field(gt=0)] = Field(
        2.0,
        description="how many times as long as production a candidate may take, median and 95th percentile; a rise of"
        " less than 200 ms passes",
        examples=[1.5],
    )
    candidate_cost_ratio: Annotated[float, Field(gt=0)] = Field(
        2.0,
        description="how many times as dear as production it may be; in tokens where its price is not known",
        examples=[1.2],
    )
    shadow_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0,
        description="share of live calls that a compared candidate answers too, unseen by users, until somebody"
        " decides; 0, the default, sends it none",
        examples=[0.05],
    )
    shadow_calls_per_hour: Annotated[int, Field(ge=1, le=10_000)] = Field(
        200, description="at most so many of them in an hour", examples=[500]
    )
    dataset_near: Annotated[float, Field(ge=0.3, le=1)] = Field(
        0.7,
        description="an input is kept out of training from this cosine on with that of a reserved call, by rare"
        " character n-grams; 1 keeps out the same input alone",
        examples=[0.8],
    )
    dataset_near_vectors: Annotated[float, Field(ge=0.3, le=1)] = Field(
        0.97,
        description="the same by sentence embeddings, where both calls have one; 1 turns it off",
        examples=[1],
    )
    dataset_label_model: str | None = Field(
        None,
        description="a stronger model, at OUTERLOOP_JUDGE_BASE_URL, that may write labels for hard calls; its labels"
        " are marked `model:<name>`; none is asked when not set",
        examples=["gpt-5"],
    )
