"""One name for what several sources name: fixtures, markets, outcomes.

`naming` translates what a source says · `fixtures` and `pairing` decide which games
are one, `parting` which were not · `team_names`, `outcome_names` and `bookmaker_names`
compare words · `owners` says whose word of a bookmaker counts · `tables` are what the
user knows and no rule can · `report` counts what was not matched.
"""

from protipp_stream.core.naming.named import Named
from protipp_stream.core.naming.naming import Naming
from protipp_stream.core.naming.report import NameReport, Tally
from protipp_stream.core.naming.tables import NameTables, SourceNames

__all__ = ["NameReport", "NameTables", "Named", "Naming", "SourceNames", "Tally"]
