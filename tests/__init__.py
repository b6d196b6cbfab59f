"""Tests: they mirror the package; `browser` drives real pages beside it."""
