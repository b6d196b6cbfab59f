"""A user's rule, checked before anything runs and kept from stopping what does.

A rule is called for every change of a price, between a feed and its subscribers: what
it raises would end the feed, what it returns goes onto the wire.
"""

from __future__ import annotations

import inspect
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from protipp_stream.core.moves import RULES, Move, Rule, RuleWithMemory, either, rule_named
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Selection

__all__ = ["Judge", "Rules", "judged"]

# As it is given: one rule or several, each itself or its name.
Rules = Rule | str | Sequence[Rule | str]

FAILED = "rule_failed"
_WORDS = "A rule takes a Move and returns the reason in words, or None."
_CALL_IT = "It makes a rule; call it: {}()."
_SAMPLE = Move(1.9, 2.0, 1 / 1.9, 1 / 2.0, margin_removed=False)
_WHOLE = msgspec.structs.replace(
    _SAMPLE,
    selection=Selection("sample", "sample", "h2h", "home"),
    at=datetime(2000, 1, 1, tzinfo=UTC),
)
_MAKERS: tuple[object, ...] = (either, *RULES.values())
# What a slip of the pen raises, whatever the move.
_SLIPS = (AttributeError, NameError, TypeError)

_log = logging.getLogger(__name__)


class Judge:
    """A rule that does not raise and says nothing but words.

    Parameters
    ----------
    rule : Rule
        What decides.
    counts : Counter of str
        Where its failures are counted, as ``rule_failed``.
    """

    def __init__(self, rule: Rule, counts: Counter[str]) -> None:
        self._rule = rule
        self._counts = counts
        self._has_failed = False

    def __call__(self, move: Move) -> str | None:
        """Return the rule's reason; a move at which it fails is not significant."""
        try:
            return _reason(self._rule(move))
        except Exception:  # noqa: BLE001 - logged and counted
            self._fail()
            return None

    def forget(self, event_id: str) -> None:
        """Let the rule forget an event, if it remembers any."""
        if isinstance(self._rule, RuleWithMemory):
            try:
                self._rule.forget(event_id)
            except Exception:  # noqa: BLE001 - logged and counted
                self._fail()

    def _fail(self) -> None:
        self._counts[FAILED] += 1
        # Once: it is called a thousand times a second, and will fail at each.
        if not self._has_failed:
            self._has_failed = True
            _log.exception(
                "the rule %s has failed; its moves count as not significant", _name(self._rule)
            )


def judged(rules: Rules | None, counts: Counter[str]) -> Rule | None:
    """Return one rule that can't do harm; None for None.

    Parameters
    ----------
    rules : Rule, str, or sequence of both
        Each is called once with a made-up move, without selection and time if it
        can do with that: such a move leaves nothing in its memory.
    counts : Counter of str
        Where failures are counted, as ``rule_failed``.

    Raises
    ------
    ConfigurationError
        If there is no rule of that name, or it is no rule.
    """
    if rules is None:
        return None
    if isinstance(rules, str) or not isinstance(rules, Sequence):
        return _judge(rules, counts)
    if not rules:
        raise ConfigurationError("There is no rule in the list.", hint='For example: rule="h".')
    return either(*(_judge(rule, counts) for rule in rules))


def _judge(given: Rule | str, counts: Counter[str]) -> Judge:
    rule = rule_named(given) if isinstance(given, str) else given
    _check(rule)
    return Judge(rule, counts)


def _check(rule: Rule) -> None:
    if not callable(rule):
        raise ConfigurationError(
            f"{rule!r} is no rule.", hint=f"{_WORDS} By name: {', '.join(RULES)}."
        )
    if isinstance(rule, type) or any(rule is maker for maker in _MAKERS):
        raise ConfigurationError(f"{_name(rule)} is no rule.", hint=_CALL_IT.format(_name(rule)))
    try:
        said = _probed(rule)
    except _SLIPS as error:
        raise ConfigurationError(
            f"The rule {_name(rule)} fails: {type(error).__name__}: {error}.",
            hint=f"{_WORDS} What makes a rule is called first: h().",
        ) from error
    except Exception:  # noqa: BLE001 - its table need not know a made-up move: judged when it runs
        return
    if inspect.iscoroutine(said):
        said.close()
        raise ConfigurationError(
            f"The rule {_name(rule)} is async.", hint="It must answer at once: write a plain def."
        )
    if callable(said):
        raise ConfigurationError(f"{_name(rule)} is no rule.", hint=_CALL_IT.format(_name(rule)))
    try:
        _reason(said)
    except (TypeError, UnicodeEncodeError) as error:
        raise ConfigurationError(
            f"The rule {_name(rule)} {error}.", hint="Return the reason in words, or None."
        ) from None


def _probed(rule: Rule) -> Any:
    try:
        return rule(_SAMPLE)
    except Exception:  # noqa: BLE001 - tried once more
        # It may look at the selection, which every move of a book has.
        said = rule(_WHOLE)
    if isinstance(rule, RuleWithMemory) and _WHOLE.selection is not None:
        rule.forget(_WHOLE.selection.event_id)
    return said


def _reason(said: object) -> str | None:
    """Return what can be written to the wire; a subclass of str can't, nor half a letter."""
    if said is None:
        return None
    if not isinstance(said, str):
        raise TypeError(f"returned {said!r}")
    said.encode()
    return str(said)


def _name(rule: object) -> str:
    return getattr(rule, "__name__", None) or type(rule).__name__
