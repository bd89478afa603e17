"""Maps: many calls of one service, sent and watched together (DESIGN §5, §6).

An input costs one PUT and one POST, a hundred inputs one record more, and an end one read: that it has come is learned
from one listing for all (``watch``). Inputs are drawn as they are needed, so that ten thousand of them need not be in
memory; sending goes on behind whoever looks. Where things lie and how ids are made is in ``records``, names in
``runs``.

``items`` is one input and what became of it, ``tally`` what is known of all and who is told, ``sending`` the way of
an input to the cluster, again if need be, ``map`` a map from its beginning to its end.

Hundreds are recorded in their order, and only after their inputs are stored: whatever is recorded can be submitted by
anybody, and what is not recorded are the last inputs. That is what lets two kernels go on with one run.
"""

from .items import Item, Options, Progress
from .map import Map
from .tally import START_RATE

__all__ = ["START_RATE", "Item", "Map", "Options", "Progress"]
