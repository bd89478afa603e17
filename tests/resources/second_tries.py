"""Tells what failed at first, where a second try went well: what nobody sees nobody mends."""


def pytest_terminal_summary(terminalreporter):
    tried = terminalreporter.getreports("rerun")
    if tried:
        terminalreporter.section("FAILED AT FIRST")
    for report in tried:
        terminalreporter.line(f"RERUN {report.nodeid}: {report.longrepr.reprcrash.message}")
        for name, content in report.sections:
            terminalreporter.line(f"-- {name}")
            terminalreporter.line(content[:2000])
