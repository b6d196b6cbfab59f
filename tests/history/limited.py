"""A process whose files may not grow past a limit, and that writes a journal all the same.

``python -m tests.history.limited FOLDER BYTES ENTRIES``: puts entries, waits for each, and
prints what the journal said of it: its number, whether it is safe, the journal's status.
With a limit in which not even one entry fits, the limit is lifted after the first.
"""

from __future__ import annotations

import resource
import sys

from protipp_stream.history import journal as journal_module
from protipp_stream.history.journal import Journal, JournalSettings
from tests.history.stepping import entry

ROWS = 10


def main(folder: str, limit: int, entries: int) -> None:
    journal_module.RETRY_S = 0.01  # type: ignore[attr-defined]
    journal = Journal(folder, JournalSettings(commit_s=0.0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for each in range(entries):
        number = journal.put(entry("e", each * ROWS + 1, (each + 1) * ROWS))
        is_safe = journal.wait(number, 2 if limit > 2_000 else 0.2)
        state = journal.state
        sys.stdout.write(f"{number} {is_safe} {state.status} {state.last_error}\n")
        if not is_safe:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    journal.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
