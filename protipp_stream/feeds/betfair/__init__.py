"""Betfair's Exchange Stream, and recordings of it (extra ``betfair``).

`feed` is the feed, `stream` one connection of it, in a thread · `wire` decodes and
checks lines · `listener` keeps clocks and the library's cache · `books` and `words`
make quotes of it · `codes` says what an error means · `news` hands over to the
event loop · `vouching` says again what stands · `secret` keeps texts out of sight ·
`replay` plays a recording through the same code.
"""
