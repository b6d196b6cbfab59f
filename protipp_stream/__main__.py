"""``python -m protipp_stream`` is the command line."""

from protipp_stream.cli import main

main()
