"""No update is ever lost silently, whatever the network does.

`proxy` (one connection of it: `passage`) makes the faults; its docstring is the
manual. `script` is what the producer says, as a formula; `checker` holds what a
client hands out against it, `watching` reads the client. `kinds` and `schedule`
make a random schedule of many faults over many clients, with the gateway in a
process of its own (`far_gateway`). `scaled_time` says which times are scaled.
"""
