"""A user for the shared sandbox, and a service that is gone after the test."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


def _load(name):
    """Tests are imported by path, so a helper beside them is too."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


helpers = _load("sandbox_user")


@pytest.fixture
def user(sandbox):
    return helpers.User(sandbox)


@pytest.fixture
def service(user):
    """A service of the usual kind on the shared sandbox."""
    name = helpers.new_name()
    user.create(name)
    yield name
    user.delete(name)
