"""A full Evidently report of any two windows of a service, as one HTML file: to look at, never to alarm."""

from __future__ import annotations

from monitor.report.artifact import (
    Period,
    ReportFile,
    default_reference,
    report_at,
    reports,
    write_report,
)

__all__ = ["Period", "ReportFile", "default_reference", "report_at", "reports", "write_report"]
