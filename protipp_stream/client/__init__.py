"""The client: follows a gateway from a notebook, and never loses an update silently.

`live` is `LiveOdds`, what a user holds · `follower` drives the link in a thread
of its own, `applier` keeps the board · `transports` are three of one shape ·
`endpoint` says where and on which conditions · `refusals` turns a gateway's no
into an error that says what to do · `listeners`, `stream` and `changes` hand out
what came in · `dataframes` makes DataFrames of it.
"""

from protipp_stream.client.changes import Board, Change, Changes, Delivery
from protipp_stream.client.connect import connect
from protipp_stream.client.live import LiveOdds

__all__ = ["Board", "Change", "Changes", "Delivery", "LiveOdds", "connect"]
