"""Slack: the bot, its app and its channel."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

from monitor.settings.kinds import Url

__all__ = ["Slack"]


class Slack(BaseModel):
    """How people are told in Slack, and answer there."""

    slack_token: SecretStr | None = Field(None, description="bot token", examples=["xoxb-…"])
    slack_channel: str | None = Field(
        None, description="channel id or name", examples=["#llm-alerts"]
    )
    slack_app_token: SecretStr | None = Field(
        None, description="app token for Socket Mode", examples=["xapp-…"]
    )
    slack_signing_secret: SecretStr | None = Field(
        None, description="of the Slack app", examples=["8f74…"]
    )
    slack_webhook_url: Url = Field(
        None,
        description="incoming webhook, when there is no bot token",
        examples=["https://hooks.slack.com/services/…"],
    )
    slack_base_url: Url = Field(
        None,
        description="Slack's Web API, for tests and proxies",
        examples=["https://slack.com/api"],
    )
