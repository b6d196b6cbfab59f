"""The pure core: what happens, without the machinery that makes it happen.

Nothing here opens a socket, reads a clock, starts a thread, touches a disk or
draws a random number. Time comes in as a parameter, so a race is a unit test.

`book` finds what changed · `moves` says whether it matters (with `move`,
`move_detector`, `move_own_scale`, `price_steps`) · `steam` finds many that move
together · `clones` finds who copies whom · `fair` takes the margin out ·
`backlog` answers "what happened since?" · `conflate` merges for who is slow ·
`sequence` judges what arrives · `mirror` is a client's copy of the book · `link`
is the state machine of a connection, with `backoff` · `wire` turns frames into
bytes and back · `limits` counts · `quarantine` refuses what can't be true ·
`latency` measures honestly.
"""
