"""The pure core: what happens, without the machinery that makes it happen.

Nothing here opens a socket, reads a clock, starts a thread, touches a disk or
draws a random number. Time comes in as a parameter, so a race is a unit test.

What the numbers mean: `book` finds what changed · `moves` says whether it matters ·
`arbitrage` finds prices that pay whoever wins · `fair` takes the margin out ·
`clones` finds who copies whom · `naming` gives one name to what sources name
differently · `quarantine` refuses what can't be true · `eviction` forgets what is over.

How it gets there: `backlog` answers "what happened since?" · `conflate` merges for
who is slow · `sequence` judges what arrives · `mirror` is a client's copy of the
book · `link` is the state machine of a connection, with `backoff` · `wire` turns
frames into bytes and back · `latency` measures honestly.

What protects: `limits` counts · `breaker` leaves alone what fails · `quota` spends
no more than there is.
"""
