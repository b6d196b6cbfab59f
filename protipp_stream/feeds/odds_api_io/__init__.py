"""odds-api.io: an image over REST, then deltas over a WebSocket.

`feed` joins the two · `rest` and `socket` ask and listen · `body` decodes ·
`merge` keeps what stands.
"""
