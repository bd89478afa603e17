"""From a dataflow and what an engine has to one flow definition: a pure function, no network, no clock, no chance.

``made`` is what comes out. One file for each kind of source, destination and alteration says which processors it
becomes; properties are written as NiFi 2 spells them and translated where a NiFi spells them otherwise.
"""
