"""Apache NiFi, 1.18 and later and 2.x, by its REST API.

``client`` sends, ``access`` signs in, ``errors`` says what answers mean; ``reading`` makes our words of what NiFi says;
``deploying`` and ``running`` carry out what ``engine`` is asked. What a dataflow is made of is not known here.
"""

from __future__ import annotations

from .engine import NifiEngine

__all__ = ["NifiEngine"]
