"""What people look at: the live board and the state of the connection.

A component is a plain object. As the last expression of a notebook cell it
shows itself as an anywidget; put into a Panel layout it is part of a served
page; in a terminal it is one line of text. Panel, which takes seconds to
import, is imported only when a component meets a Panel layout.
"""

from protipp_stream.ui.status import RealTimeStatus
from protipp_stream.ui.table import OddsTable

__all__ = ["OddsTable", "RealTimeStatus"]
