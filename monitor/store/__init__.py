"""The store as the rest of Outerloop knows it: a URL, a schema and a folder of questions."""

from monitor.store.client import Store
from monitor.store.migrate import migrate

__all__ = ["Store", "migrate"]
