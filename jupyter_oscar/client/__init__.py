"""OSCAR and its object storage over the wire.

Here live the typed operations of one cluster: services, jobs, calls, buckets, bytes. They are plain asyncio coroutines
that run on whatever loop awaits them; nothing here owns a loop, a thread, a widget or a request of Jupyter's. Of
Jupyter only ``jupyter_core.paths`` is used, to find where its folders are. Nothing of ours is imported from outside
this folder.
"""
