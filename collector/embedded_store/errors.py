"""What goes wrong in a query, told the way ClickHouse's HTTP protocol tells it."""

from __future__ import annotations

import re

__all__ = ["QueryError"]

_BAD_REQUEST = (
    *(6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376),
    *(427, 441, 675, 676),
)
_NOT_FOUND = (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511)
STATUS = {
    **dict.fromkeys(_BAD_REQUEST, 400),
    **dict.fromkeys(_NOT_FOUND, 404),
    **dict.fromkeys((192, 193, 497, 516, 612), 403),
    **dict.fromkeys((76, 209, 439), 503),
    48: 501,
    159: 408,
    194: 401,
    229: 413,
    381: 411,
}
"""HTTP status of the error codes for which the server does not say 500."""

BAD_ARGUMENTS = 36
CHECKSUM_DOESNT_MATCH = 40
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
UNKNOWN_COMPRESSION = 89
TOO_LARGE_SIZE_COMPRESSED = 131
TOO_MANY_QUERIES = 202
CANNOT_DECOMPRESS = 271
OUTFILE_NOT_ALLOWED = 358
SETTING_CONSTRAINT_VIOLATION = 452
ACCESS_DENIED = 497
INTERNAL = 1001

_CODE = re.compile(r"Code: (\d+)\. DB::Exception: ")
_VERSION = re.compile(r" \(version [^()]*\)\.?")
_NAME = re.compile(r"\(([A-Z][A-Z0-9_]+)\)")


class QueryError(Exception):
    """A query that failed: `code` is ClickHouse's number, `text` what its server would send.

    >>> QueryError(62, "SYNTAX_ERROR", "Syntax error").text
    'Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR)'
    """

    def __init__(self, code: int, name: str, message: str) -> None:
        self.code = code
        self.name = name
        self.text = f"Code: {code}. DB::Exception: {message}. ({name})"
        super().__init__(self.text)

    @property
    def status(self) -> int:
        """The HTTP status that ClickHouse's server gives this code."""
        return STATUS.get(self.code, 500)

    @classmethod
    def from_engine(cls, error: Exception) -> QueryError:
        """The engine's exception, freed of the wrappers that chDB's calls put around it.

        >>> nested = "Code: 115. DB::Exception: No 'x'. (UNKNOWN_SETTING) (version 26.9.2.1)"
        >>> outer = f"Code: 115. DB::Exception: {nested}. (UNKNOWN_SETTING)"
        >>> error = QueryError.from_engine(RuntimeError(outer))
        >>> error.code, error.name, error.text
        (115, 'UNKNOWN_SETTING', "Code: 115. DB::Exception: No 'x'. (UNKNOWN_SETTING)")
        >>> QueryError.from_engine(RuntimeError("out of luck")).code
        1001
        """
        undecoded = error if isinstance(error, UnicodeDecodeError) else error.__cause__
        if isinstance(undecoded, UnicodeDecodeError):  # the message quotes bytes that are no UTF-8
            text = undecoded.object.decode("utf-8", "replace")
        else:
            text = str(error)
        codes = list(_CODE.finditer(text))
        if not codes:
            return cls(INTERNAL, "STD_EXCEPTION", text or type(error).__name__)
        message = _VERSION.sub("", text[codes[-1].end() :])
        names = _NAME.findall(message)
        name = names[-1] if names else "UNKNOWN_EXCEPTION"
        while message.endswith(f"({name})"):
            message = message.removesuffix(f"({name})").rstrip(". ")
        return cls(int(codes[0][1]), name, message)
