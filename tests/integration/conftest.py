"""A user for the shared sandbox, and a service that is gone after the test."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import pytest_asyncio


def _load(name):
    """Tests are imported by path, so a helper beside them is too."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


helpers = _load("sandbox_user")
exposed_page = _load("exposed_page")
people = _load("client_people")
command_line = _load("command_line")


@pytest.fixture(scope="module")
def box(issuer, tmp_path_factory, request):
    """A sandbox that takes the issuer's tokens."""
    conftest = request.config.pluginmanager.getplugin(str(request.config.rootpath / "tests" / "conftest.py"))
    top = tmp_path_factory.mktemp("identity")
    options = ["--oidc-issuer", issuer.url, "--oidc-group", "vo1"]
    running = conftest.RunningSandbox(top / "data", conftest.sandbox_environment(top / "home"), options).start()
    yield running
    conftest.notifications_untouched(running)
    running.stop()


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


@pytest.fixture
def page(user, tmp_path):
    """A ready one on the shared sandbox."""
    made = exposed_page.Page(user, tmp_path, variables={"WHO": "me"}, secrets={"PW": "hidden"}).create()
    made.becomes("ready")
    yield made
    made.delete()
    assert made.processes() == []


@pytest.fixture
def a_page(user, tmp_path):
    """Makes pages on the shared sandbox; they are gone after the test, and so is all they started."""
    made = []

    def make(*args, **kwargs):
        made.append(exposed_page.Page(user, tmp_path, *args, **kwargs))
        return made[-1].create()

    yield make
    for each in made:
        if user.ask("GET", f"/system/services/{each.name}").status_code == 200:
            each.delete()
        assert each.processes() == []


@pytest.fixture(scope="session")
def shared_box(issuer, tmp_path_factory, request):
    """A sandbox that takes the issuer's tokens, for the stories of clients that several people tell."""
    conftest = request.config.pluginmanager.getplugin(str(request.config.rootpath / "tests" / "conftest.py"))
    if conftest.ELSEWHERE:
        pytest.skip(f"needs several people or an operator; JUPYTER_OSCAR_TEST_CLUSTER is {conftest.ELSEWHERE}")
    top = tmp_path_factory.mktemp("shared")
    options = ["--oidc-issuer", issuer.url, "--oidc-group", "vo1", "--oidc-admin", "olga1234567890@egi.eu"]
    running = conftest.RunningSandbox(top / "data", conftest.sandbox_environment(top / "home"), options).start()
    yield running
    conftest.notifications_untouched(running)
    assert running.stop() == 0


@pytest.fixture
def alone(request):
    """For stories of what is done to all that the caller has."""
    conftest = request.config.pluginmanager.getplugin(str(request.config.rootpath / "tests" / "conftest.py"))
    if conftest.ELSEWHERE:
        pytest.skip(f"would clear what older calls left; JUPYTER_OSCAR_TEST_CLUSTER is {conftest.ELSEWHERE}")


@pytest_asyncio.fixture
async def admin_client(request):
    """The cluster's admin as a typed client, or whoever is named at the cluster that is; what is left is removed."""
    conftest = request.config.pluginmanager.getplugin(str(request.config.rootpath / "tests" / "conftest.py"))
    if conftest.ELSEWHERE:
        async with conftest.elsewhere() as careful:
            yield careful
            await careful.tidy()
        return
    async with people.admin_at(request.getfixturevalue("shared_box")) as cluster:
        yield cluster
        await people.tidy(cluster)


@pytest_asyncio.fixture
async def alice_client(shared_box, issuer):
    """A user as a typed client."""
    async with people.person_at(shared_box, issuer, people.ALICE) as cluster:
        await cluster.config()
        yield cluster


@pytest_asyncio.fixture
async def bob_client(shared_box, issuer):
    """Another user."""
    async with people.person_at(shared_box, issuer, people.BOB) as cluster:
        await cluster.config()
        yield cluster


@pytest_asyncio.fixture
async def olga_client(shared_box, issuer):
    """A user whom the cluster names among its admins."""
    async with people.person_at(shared_box, issuer, people.OLGA) as cluster:
        await cluster.config()
        yield cluster


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def cli(home, tmp_path):
    return command_line.runner(home, tmp_path)


@pytest.fixture
def on_sandbox(cli, sandbox):
    """The same with the shared sandbox added as the default cluster."""
    cli("cluster", "add", "box", sandbox.endpoint, sandbox.user, "--password-stdin", stdin=sandbox.password + "\n")
    return cli


@pytest.fixture
def fdl(tmp_path):
    return command_line.write_fdl(tmp_path)
