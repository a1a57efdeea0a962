"""Fixtures of the integration tests; what they are and how to use them is told in harness/__init__.py."""
import fcntl
import shutil
import signal
import uuid

import pytest

from harness import places
from harness.namespace import Orderlog
from harness.servers import Servers, WithDurableMongo

TEST_SECONDS = 120
SESSION = uuid.uuid4().hex[:4]
_open = []  # every namespace that has programs, for the logs of a failed test


def pytest_configure(config):
    config.addinivalue_line("markers", f"seconds(n): the test may take so long (default {TEST_SECONDS})")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """No test hangs: past its time it fails, wherever it is, fixtures included."""
    marker = item.get_closest_marker("seconds")
    seconds = marker.args[0] if marker else TEST_SECONDS

    def on_alarm(_number, _frame):
        raise TimeoutError(f"{item.nodeid} took more than {seconds} s")
    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the ends of its programs' logs."""
    outcome = yield
    report = outcome.get_result()
    if report.failed and call.when in ("setup", "call"):
        used = {id(value) for value in getattr(item, "funcargs", {}).values()}
        for orderlog in _open:
            if id(orderlog) in used or getattr(orderlog, "function_scoped", False):
                for program in orderlog.programs.values():
                    report.sections.append((f"end of {program.log}", program.log_tail()))


@pytest.fixture(scope="session")
def stack():
    """The servers, for the whole session. One session at a time per folder."""
    places.FOLDER.mkdir(parents=True, exist_ok=True)
    with open(places.FOLDER / "session.lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pytest.exit(f"other integration tests are at work in {places.FOLDER}; set ORDERLOG_TEST_DIR and ORDERLOG_TEST_PORT_OFFSET", 1)
        servers = Servers()
        servers.up()
        try:
            yield servers
        finally:
            if not places.KEEP:
                servers.down()


@pytest.fixture(scope="session")
def durable_stack(stack):
    """The same servers with a MongoDB stand-in that keeps its documents in a file."""
    durable = WithDurableMongo(stack)
    durable.up()
    yield durable
    if not places.KEEP:
        durable.down()


def make_orderlog(servers, name, environment=None):
    short = name.replace("_", "-").removeprefix("test-")[:24]
    orderlog = Orderlog(f"t{SESSION}-{short}", servers, environment)
    shutil.rmtree(orderlog.folder, ignore_errors=True)
    _open.append(orderlog)
    return orderlog


def finish_orderlog(orderlog):
    try:
        orderlog.stop()
    finally:
        orderlog.kill()
        orderlog.forget_documents()
        _open.remove(orderlog)


@pytest.fixture(scope="module")
def orderlog(stack, request):
    made = make_orderlog(stack, request.module.__name__.rsplit(".", 1)[-1])
    yield made
    finish_orderlog(made)


@pytest.fixture
def new_orderlog(stack):
    """new_orderlog("name", servers=…, ORDERLOG_…=…) makes a namespace that ends with the test."""
    made = []

    def new(name, servers=None, **environment):
        made.append(make_orderlog(servers or stack, f"{name}-{uuid.uuid4().hex[:4]}", environment))
        made[-1].function_scoped = True
        return made[-1]
    yield new
    for each in made:
        finish_orderlog(each)


@pytest.fixture(scope="session")
def december(stack):
    """The sample month, imported through the command API, views caught up. Its programs don't run: `start` what is needed."""
    made = make_orderlog(stack, "december")
    made.start()
    made.imported = made.tool("import", "retail", places.SAMPLE / "2010-12.csv.gz")
    made.wait_caught_up()
    made.stop()
    yield made
    finish_orderlog(made)
