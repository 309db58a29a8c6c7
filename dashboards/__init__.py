"""Streamlit views over the store: is it still good, what happened, what changed, what to do."""
