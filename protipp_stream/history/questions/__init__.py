"""What an analyst asks: a file a question, each a function of a view and of what is asked."""

from __future__ import annotations
