"""Feeds: what bookmakers say, decoded into quotes. One file a source.

`base` says what a feed is · `simulated` needs nothing and is labelled so ·
`the_odds_api` polls a provider · `replay` plays a recording of that provider
through the same decoder.
"""
