"""The clients that cells know, signed in by the cluster."""

import json
import pickle

import pytest


def test_s3fs_minio_and_oscar_python_are_signed_in(cluster):
    assert cluster.fs.ls("") is not None
    assert cluster.minio.list_buckets() is not None
    assert json.loads(cluster.oscar_python.get_cluster_info().text)["version"]


def test_s3fs_reads_a_piece_of_what_it_just_wrote(cluster):
    cluster.minio.make_bucket("pieces")
    try:
        with cluster.fs.open("pieces/a.txt", "wb") as file:
            file.write(b"hello world")
        with cluster.fs.open("pieces/a.txt", "rb") as file:
            file.seek(6)
            assert file.read(3) == b"wor"
        assert cluster.fs.cat_file("pieces/a.txt", start=1, end=3) == b"el"
    finally:
        cluster.fs.rm("pieces", recursive=True)


def test_s3fs_shows_at_once_what_others_wrote_and_never_the_keys(cluster):
    cluster.minio.make_bucket("libraries")
    try:
        assert cluster.fs.ls("libraries") == []
        cluster.fs.pipe("libraries/a.txt", b"one")
        cluster.minio.copy_object(
            "libraries", "b.txt", __import__("minio").commonconfig.CopySource("libraries", "a.txt")
        )
        assert cluster.fs.ls("libraries") == ["libraries/a.txt", "libraries/b.txt"]
        assert cluster.fs.cat("libraries/b.txt") == b"one"
    finally:
        cluster.fs.rm("libraries", recursive=True)
    secret = cluster.fs.secret
    assert secret
    assert secret not in repr(cluster.fs) + cluster.fs.to_json() + repr(cluster.minio)
    with pytest.raises(TypeError, match="keys"):
        pickle.dumps(cluster.fs)
