"""Erasure of a user, a session or a trace: everywhere, verified, with a receipt."""

from __future__ import annotations

from monitor.erasure.receipt import Erasure, ErasureRow
from monitor.erasure.run import erase
from monitor.erasure.subject import Subject

__all__ = ["Erasure", "ErasureRow", "Subject", "erase"]
