"""What we promise in numbers, measured side by side on this machine.

``python -m bench`` prints one line per promise: name, measured, promise, ``ok`` or ``short``. Counts are absolute,
times are ratios to a named neighbour measured in the same run, in alternating repeats: a promise is kept only if
every repeat keeps it. ``python -m bench submits`` runs the lines of one file.
"""
