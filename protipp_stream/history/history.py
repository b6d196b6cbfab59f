"""`History`: an analyst's questions to an audit trail, a line each."""

from __future__ import annotations

from protipp_stream.history import describing
from protipp_stream.history.answers.judgements import Judgements
from protipp_stream.history.answers.operation import Operation
from protipp_stream.history.answers.prices import Prices
from protipp_stream.history.answers.rows import Rows

__all__ = ["History"]


class History(Rows, Prices, Judgements, Operation):
    """The history of odds in a folder that a gateway or a client has recorded to.

    Every question looks at the folder anew, and at one moment of it: what is sealed and
    what is still hot, each row once. Who writes goes on writing. Every answer is a tidy
    DataFrame whose columns have the same types when it is empty: names are ``category``
    (in alphabetical order), times ``datetime64[us, UTC]``, numbers ``float64``, counts
    ``int64``.

    Most questions take the same filters: ``event``, ``bookmaker``, ``market`` and
    ``outcome``, each an id or several (``market="totals"`` is every line of it,
    ``"totals@7.5"`` one; a name that nothing in the trail has is refused, also beside others
    that it has), and ``since`` (included) and ``until`` (excluded), each a
    datetime, a date, or text in ISO 8601 such as ``"2026-11-23 18:30"`` and no other;
    without a zone it is UTC. They count when the gateway received a price. What a state,
    such as a market's margin, depends on is read from before ``since``, too.

    Parameters
    ----------
    path : str or Path
        The trail's folder.

    Raises
    ------
    TrailUnavailable
        If it is none. So does every question if it can't be read any more;
        `TrailChanged` if what it reads is not what was written: hot lines by their
        hashes, sealed files by the digest of their footer and the checksums of their pages.
        That finds every bit that a disk lost. Whoever changes files on purpose can make
        checksums anew, and what no question has read is not looked at: what holds against
        that is ``protipp-stream history verify``.

    Examples
    --------
    >>> history = ps.History("audit/")
    >>> history.updates(event="mlb-1", market="h2h")
    """

    def extent(self) -> describing.Extent:
        """Return how much there is, and of when, without reading it.

        Returns
        -------
        Extent
            ``rows`` of updates, ``hot`` ones among them (not sealed yet), those that a
            retention has ``removed``, and the times (UTC) of the first and the last:
            ``begin`` and ``end``, None where there is none.
        """
        return self._trail.ask(describing.extent)

    def __repr__(self) -> str:
        return describing.words(self.folder, self.extent())

    def _repr_html_(self) -> str:
        return describing.html(self.folder, self.extent())
