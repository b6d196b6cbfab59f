"""What prices say once the bookmaker's margin is taken out of them.

Four methods, because nobody knows how a bookmaker spreads its margin. They agree
on even markets and part over long shots: multiplicative leaves those too likely
(the favourite-longshot bias stays in), power and Shin take more from them.

References
----------
.. [1] Clarke, S., Kovalchik, S., Ingram, M. (2017). Adjusting bookmaker's odds to
   allow for overround. American Journal of Sports Science 5(6), 45-49.
.. [2] Shin, H. S. (1993). Measuring the incidence of insider trading in a market
   for state-contingent claims. The Economic Journal 103(420), 1141-1153.
.. [3] Jullien, B., Salanié, B. (1994). Measuring the incidence of insider trading:
   a comment on Shin. The Economic Journal 104(427), 1418-1419.
.. [4] Štrumbelj, E. (2014). On determining probability forecasts from betting odds.
   International Journal of Forecasting 30(4), 934-943.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite, log, sumprod
