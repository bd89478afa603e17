"""Tests in several processes at once (``-n 3``, pytest-xdist): what goes to which.

A file stays in one process. Files that need a browser come first and are run by one process, because two of those
with their servers are more than two processors do in the time that a test has; only when nothing else is left do the
others take some of them, too. Quick files come last, so that all end together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadFileScheduling

BROWSERS = "tests/browser/"
AT_ONCE = 1
QUICK = ("tests/unit/", "tests/contract/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    from xdist.scheduler import LoadFileScheduling

    class FewBrowsers(LoadFileScheduling):
        def _assign_work_unit(self, node: Any) -> None:
            browsing = sum(
                any(file.startswith(BROWSERS) and not all(tests.values()) for file, tests in files.items())
                for other, files in self.assigned_work.items()
                if other is not node
            )

            def last(file: str) -> tuple[bool, bool]:
                return file.startswith(BROWSERS) is (browsing >= AT_ONCE), file.startswith(QUICK)

            first = min(self.workqueue, key=last)  # of equals the one with the most tests, which leads the queue
            self.workqueue.move_to_end(first, last=False)
            super()._assign_work_unit(node)

    return FewBrowsers(config, log)
