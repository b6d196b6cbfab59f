"""Any source of server-sent events, read by a mapping.

`source` is the feed · `mapping` says what its events mean, with the OpticOdds shape
ready · `stream` is one connection.
"""
