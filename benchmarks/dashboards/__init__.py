"""The dashboards at ten million calls: each view's queries, and the time until its page is complete."""
