"""What it costs and how late it is: benchmarks, each against a floor of the same run.

    pytest tests/bench                     every table at full size, about fifteen minutes
    pytest tests/bench/test_fanout.py      one of them
    PROTIPP_BENCH=full pytest              full size as a part of everything

A plain ``pytest`` runs them tiny and prints nothing: that keeps them working,
its figures would be worth nothing. No test asserts a time. Each asserts that
what was timed is right: every delivery arrived, once, with the bytes it should have.

How to read a table: the absolute figures are of this machine at that moment.
What can be compared is the ratio to the floor beside it. Contenders take turns,
round after round; a ratio is taken within a round, and the median over the
rounds is shown. CPU is ``time.process_time()`` of the one process that is judged:
another program on the machine makes a round slower, but hardly dearer.

`load` makes the odds and frames that all contenders send · `server` is the
process that is judged in the fan-out and `contenders` what runs in it ·
`receivers` is the process that receives · `processes` starts and asks them ·
`odds_walk` makes the prices of the arbitrage, which is all in one process ·
`tables` prints.
"""
