"""The clients that cells know, signed in by the cluster."""

import json
import pickle

import pytest
from minio.commonconfig import CopySource
from minio.error import S3Error
from sandbox_user import new_name


def made(cluster, stem):
    """A bucket, by its name."""
    bucket = new_name(stem)
    try:
        cluster.minio.make_bucket(bucket)
    except S3Error as error:
        if error.code != "AccessDenied":
            raise
        pytest.skip("makes a bucket over S3, which this cluster's storage lets only its admin do")
    return bucket


def test_s3fs_minio_and_oscar_python_are_signed_in(cluster):
    assert cluster.fs.ls("") is not None
    assert cluster.minio.list_buckets() is not None
    assert json.loads(cluster.oscar_python.get_cluster_info().text)["version"]


def test_s3fs_reads_a_piece_of_what_it_just_wrote(cluster):
    bucket = made(cluster, "pieces")
    try:
        with cluster.fs.open(f"{bucket}/a.txt", "wb") as file:
            file.write(b"hello world")
        with cluster.fs.open(f"{bucket}/a.txt", "rb") as file:
            file.seek(6)
            assert file.read(3) == b"wor"
        assert cluster.fs.cat_file(f"{bucket}/a.txt", start=1, end=3) == b"el"
    finally:
        cluster.fs.rm(bucket, recursive=True)


def test_s3fs_shows_at_once_what_others_wrote_and_never_the_keys(cluster):
    bucket = made(cluster, "libraries")
    try:
        assert cluster.fs.ls(bucket) == []
        cluster.fs.pipe(f"{bucket}/a.txt", b"one")
        cluster.minio.copy_object(bucket, "b.txt", CopySource(bucket, "a.txt"))
        assert cluster.fs.ls(bucket) == [f"{bucket}/a.txt", f"{bucket}/b.txt"]
        assert cluster.fs.cat(f"{bucket}/b.txt") == b"one"
    finally:
        cluster.fs.rm(bucket, recursive=True)
    secret = cluster.fs.secret
    assert secret
    assert secret not in repr(cluster.fs) + cluster.fs.to_json() + repr(cluster.minio)
    with pytest.raises(TypeError, match="keys"):
        pickle.dumps(cluster.fs)
