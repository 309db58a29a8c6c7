"""Loopback servers that speak the protocols of what is outside: Slack, a model, a fine-tune job."""
