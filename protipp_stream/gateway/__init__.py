"""The gateway: the only room that serves.

`server` runs the feeds and serves on what `listener` opens · `hub` takes their batches and looks
after subscribers · `log` is what happened, `fanout` who gets which bytes when,
`subscription` one subscriber's place · `frames` are wrapped and `outlet` lets
them out, straight to the transports that `uvicorn_protocols` hands over ·
`sources` and `bookmakers` say whose odds are fresh · `naming` logs what is whose event ·
`guard` stands before every route · `auth` judges tokens · `audit` writes down
who was refused and why · `routes` is the protocol, an endpoint a function.
"""

from protipp_stream.gateway.server import Gateway
from protipp_stream.gateway.settings import Settings

__all__ = ["Gateway", "Settings"]
