"""Tests in several processes at once (``-n 3``, pytest-xdist): what goes to which.

A file stays in one process. Files that need a browser come first and are run by one process, because two of those
with their servers are more than two processors do in the time that a test has; those with many pages at once lead, so
that they meet no other browser. When nothing but browsers is left a second process takes some, and the others end.
Quick files come last, so that all end together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadFileScheduling

BROWSERS = "tests/browser/"
MANY_PAGES = ("tests/browser/test_whole.py", "tests/browser/test_leaks.py")
AT_ONCE, AT_THE_END = 1, 2
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

            if browsing >= AT_THE_END and all(file.startswith(BROWSERS) for file in self.workqueue):
                node.shutdown()
                return

            def last(file: str) -> tuple[bool, bool, bool]:
                browser = file.startswith(BROWSERS)
                return browser is (browsing >= AT_ONCE), browser and file not in MANY_PAGES, file.startswith(QUICK)

            first = min(self.workqueue, key=last)  # of equals the one with the most tests, which leads the queue
            self.workqueue.move_to_end(first, last=False)
            super()._assign_work_unit(node)

    return FewBrowsers(config, log)
