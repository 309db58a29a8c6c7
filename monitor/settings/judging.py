"""Who judges and what it may cost; what text drift looks at."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

from monitor.settings.kinds import Amounts, Names, Prices, Url

__all__ = ["Judging"]


class Judging(BaseModel):
    """Judges' endpoint, prices and budgets, and the embedding model."""

    judge_base_url: Url = Field(
        None, description="any OpenAI-compatible endpoint", examples=["http://127.0.0.1:11434/v1"]
    )
    judge_api_key: SecretStr | None = Field(None, description="its key", examples=["sk-…"])
    judge_models: Names = Field(
        default_factory=list,
        description="models, separated by commas",
        examples=["gpt-5-mini,claude-haiku-4-5"],
    )
    judge_prices: Prices = Field(
        default_factory=dict,
        description="USD per million input/output tokens of models that no price list has, or of your own"
        " agreement with a vendor, as `model=input/output`, separated by commas; in `outerloop.toml` a table;"
        " without a price a budget cannot be held",
        examples=["my-model=0.10/0.40,other=0/0"],
    )
    judge_daily_budget_usd: float | None = Field(
        None, ge=0, description="hard limit of what judges may spend in a UTC day", examples=[5.0]
    )
    judge_service_budgets_usd: Amounts = Field(
        default_factory=dict,
        description="the same of single services, as `service=USD`, one a line; in `outerloop.toml` a table",
        examples=["loan-extractor=1.5"],
    )
    embedding_model: str = Field(
        "sentence-transformers/all-MiniLM-L6-v2",
        description="a name or a local folder",
        examples=["/models/all-MiniLM-L6-v2"],
    )
    embeddings_per_day: int = Field(
        1000,
        ge=0,
        description="inputs, and as many outputs, of each service that text drift looks at in a day; between one"
        " and two times as many where there is more traffic; 0 turns it off",
        examples=[500],
    )
