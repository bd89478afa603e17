"""From a dataflow and what an engine has to one flow definition: a pure function, no network, no clock, no chance.

``compile`` is that function, ``made`` what comes out. ``elements`` has one file for each kind of source, destination
and alteration, which says the processors that it becomes; ``parts`` builds them, ``types`` knows what each NiFi calls
them and their properties, ``delivery`` what becomes of events that cannot be delivered.
"""
