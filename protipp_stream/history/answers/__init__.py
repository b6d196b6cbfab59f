"""The methods of `History`, by subject: each hands its arguments to a question."""

from __future__ import annotations
