"""What carries a dataflow out: one folder or file for each engine, all behind the base class in ``base``.

NiFi is the first. An engine talks to its own system and to nothing else: what a flow is, and what would change, is
said by the rooms beside this one.
"""
