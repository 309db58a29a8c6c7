"""The schema, file by file in the order of their numbers; see `monitor.store.migrate`."""
