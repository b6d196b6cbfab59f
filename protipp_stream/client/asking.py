"""Single questions to the gateway, beside the stream: a ticket for a page, how it is."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from protipp_stream.client.endpoint import API, Endpoint
from protipp_stream.client.refusals import from_status, not_a_gateway, unreachable
from protipp_stream.client.transports.http import trust
from protipp_stream.errors import ConnectionLost

__all__ = ["Asking"]

PATIENCE_S = 5.0


class Asking:
    """Asks a gateway over HTTP and waits for the answer; a part of `LiveOdds`.

    Not for an event loop: each of them waits for the network.
    """

    _endpoint: Endpoint

    def ticket(self, origin: str) -> str:
        """Ask for a ticket, with which a web page of ours opens a stream of its own.

        Parameters
        ----------
        origin : str
            The page's, as its browser says it: ``https://dash.example``. The gateway
            must allow it.

        Returns
        -------
        str
            Good once, for half a minute, for pages of this origin only.

        Raises
        ------
        LinkError
            If the gateway gives none: it is away, refuses the token, or does not allow
            the origin.
        """
        answer = self._ask("POST", "/realtime/ticket", {"origin": origin})
        ticket = answer.get("ticket")
        if not isinstance(ticket, str):
            raise not_a_gateway(self._endpoint.base, "its answer has no ticket")
        return ticket

    def gateway_status(self) -> dict[str, Any]:
        """Ask how the gateway is: ``GET /api/v1/realtime/status``.

        Returns
        -------
        dict
            Its answer: counts; with a token of scope ``status:read`` every connection
            and the audit trail as well.

        Raises
        ------
        LinkError
            If it does not answer, or refuses.
        """
        return self._ask("GET", "/realtime/status")

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        endpoint = self._endpoint
        try:
            with httpx.Client(
                headers=endpoint.headers(),
                timeout=PATIENCE_S,
                follow_redirects=False,  # the token goes to no other origin
                verify=trust(endpoint),
                trust_env=not endpoint.is_loopback,
            ) as client:
                answer = client.request(method, f"{endpoint.base}{API}{path}", json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise unreachable(endpoint.base, str(error) or type(error).__name__) from None
        except httpx.HTTPError as error:
            what = str(error) or type(error).__name__
            raise ConnectionLost(f"The connection to {endpoint.base} broke: {what}.") from None
        if not answer.is_success:
            retry_after = answer.headers.get("Retry-After")
            raise from_status(endpoint.base, answer.status_code, retry_after, answer.content)
        try:
            said: dict[str, Any] = msgspec.json.decode(answer.content, type=dict[str, Any])
        except msgspec.MsgspecError:
            raise not_a_gateway(endpoint.base, "its answer is no JSON object") from None
        return said
