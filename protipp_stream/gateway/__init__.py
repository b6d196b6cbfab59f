"""The gateway: the only room that serves.

`server` opens the port and runs the feeds · `hub` takes batches and fans
updates out · `subscription` is one subscriber's place in the log · `guard`
stands before every route · `auth` judges tokens · `audit` writes down who was
refused and why · `routes` is the protocol, an endpoint a function.
"""

from protipp_stream.gateway.server import Gateway
from protipp_stream.gateway.settings import Settings

__all__ = ["Gateway", "Settings"]
