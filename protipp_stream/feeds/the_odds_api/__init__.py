"""The Odds API v4.

`feed` polls · `request` is how it asks, and hides the key · `answers` what it makes
of refusals · `body` decodes, for recordings too.
"""
