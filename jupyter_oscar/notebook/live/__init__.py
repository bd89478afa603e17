"""Live views in a cell: one widget that shows a job, a map or a services table while somebody looks.

The view of a job or a map asks the cluster nothing of its own: it listens to the one poller, as a waiting cell does,
and tells the page what changed, at most four times a second. So does the table of services, whose list is read every
15 s while somebody looks; an open log is read as ``job.log(follow=True)`` reads it. When its thing has ended, the
cell's output becomes the static line that a saved notebook keeps (``views``). Where there is no kernel to talk to, the
static line is all there is. ``view.js`` draws; it uses nothing beyond anywidget's contract.
"""
