"""The Jupyter Server extension: one thin route file per noun, one channel for news, the processes we start.

Routes parse, call and answer; what they call lives in ``client`` and its neighbours, never here.
"""
