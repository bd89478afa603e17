"""What OSCAR would ignore in a definition."""

import pytest

from jupyter_oscar.client.review import ignored
from jupyter_oscar.client.service import Service

PLAIN = {"name": "one", "image": "busybox", "script": "#!/bin/sh\n", "cpu": "0.1", "memory": "64Mi"}
EXPOSED = {"api_port": [8080]}


def keys(flags=None, **more):
    return [found.key for found in ignored(Service.model_validate({**PLAIN, **more}), flags or {})]


def test_a_plain_definition_is_followed_in_all_it_says():
    assert keys() == []
    assert keys(script="#!/bin/bash -e\n", visibility="restricted", allowed_users=["a"], log_level="debug") == []
    assert keys(expose=EXPOSED, script="#!/usr/bin/env sh\n") == []


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("owner", {"owner": "me"}),
        ("allowed_users", {"allowed_users": ["a"], "visibility": "private"}),
        ("total_cpu, total_memory", {"total_cpu": "4"}),
        ("interlink_node_name", {"interlink_node_name": "vega"}),
        ("log_level", {"log_level": "LOUD"}),
        ("script", {"script": "#!/usr/bin/env python3\nprint(1)\n"}),
        ("script", {"expose": {**EXPOSED, "default_command": True}}),
        ("synchronous", {"expose": EXPOSED, "synchronous": {"min_scale": 1}}),
        ("expose", {"expose": {"max_scale": 3}}),
    ],
)
def test_what_does_nothing_is_named(key, said):
    assert keys(**said) == [key]


def test_what_the_cluster_can_do_is_not_called_idle():
    flags = {"interLink_available": True, "yunikorn_enable": True}
    assert keys(flags, interlink_node_name="vega", total_memory="4Gi") == []
