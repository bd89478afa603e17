"""Live views in a cell: one widget that shows a job, a map or a services table while somebody looks.

A view asks the cluster nothing of its own that a waiting cell would not ask: it listens to the one poller and tells
the page what changed, at most four times a second. When its thing has ended, the cell's output becomes the static line
that a saved notebook keeps (``views``). Where there is no kernel to talk to, the static line is all there is.
``view.js`` draws; it uses nothing beyond anywidget's contract.
"""
