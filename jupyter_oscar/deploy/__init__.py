"""OSCAR's storage as folders: recognising a bucket that is mounted where we run, mounting one and undoing it.

Here lives what deals with machines and pods rather than with OSCAR's API: the table of mounts, rclone, FUSE. What is in
a bucket, and how it is reached without a mount, is in ``client``.
"""
