"""The range of a close code is the rule: come back, or do not."""

from __future__ import annotations

import pytest

from protipp_stream.core.codes import CloseCode, comes_back


@pytest.mark.parametrize("code", [*range(1000, 1016), 3000, 3999, *range(4000, 4500)])
def test_these_codes_mean_come_back(code: int) -> None:
    assert comes_back(code)


@pytest.mark.parametrize("code", range(4500, 5000))
def test_these_codes_mean_do_not(code: int) -> None:
    assert not comes_back(code)


def test_the_codes_are_those_of_the_protocol() -> None:
    assert {code.name: code.value for code in CloseCode} == {
        "DRAINING": 4000,
        "TOO_SLOW": 4001,
        "DESYNCHRONISED": 4002,
        "NO_HEARTBEAT": 4003,
        "TOKEN_EXPIRED": 4004,
        "SESSION_TOO_OLD": 4005,
        "FLOOD": 4006,
        "SERVER_ERROR": 4007,
        "OVERLOADED": 4008,
        "HANDSHAKE_TIMEOUT": 4009,
        "MALFORMED": 4500,
        "INVALID_TOKEN": 4501,
        "FORBIDDEN": 4502,
        "REVOKED": 4503,
        "CONNECTION_LIMIT": 4504,
        "SUBSCRIPTION_LIMIT": 4505,
        "VERSION": 4506,
        "TOO_LARGE": 4507,
    }
