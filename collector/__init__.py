"""OTLP in, nothing lost. In order of travel: `app`, `intake`, `otlp`, `wal`, `writer`, `ledger`."""
