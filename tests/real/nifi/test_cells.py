"""A dataflow in the cells of a notebook; and its queue, which goes with it whatever happened on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from command_line import runner
from engine_stories import EngineStories, Operator, Service, eventually, service
from odd_servers import counted

import jupyter_oscar as oscar
from jupyter_oscar.client import nifis
from jupyter_oscar.client.credentials import TokenStore
from jupyter_oscar.client.errors import SecretsUnconfirmed
from jupyter_oscar.flows.errors import FlowNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nifi_canvas import Canvas
    from nifi_process import Process

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]

REGION = "eu-west-1"
SQS = """\
nifi:
  endpoint: {nifi}
  Source:
    GetSQS:
      - name: incoming
        queue_name: frames
        AWS_DEFAULT_REGION: {region}
        AWS_ACCESS_KEY_ID: env:AWS_KEY
        AWS_SECRET_ACCESS_KEY: env:AWS_SECRET
        x-oscar: {{endpoint: "{aws}", port: {port}}}
  Destination:
    OSCAR:
      - {{name: to-oscar, endpoint: "{oscar}", service: svc, token: word-of-the-service}}
  connection:
    - {{from: incoming, to: to-oscar}}
"""


def test_a_dataflow_is_typed_into_cells(
    nifi: Process, operator: Operator, canvas: Canvas, sandbox: Any, tmp_path: Path
) -> None:
    cluster = oscar.connect(endpoint=sandbox.endpoint, user=sandbox.user, password=sandbox.password)
    TokenStore().save(nifis.find("site", endpoint=nifi.url).kept())
    with service() as far:
        file = tmp_path / "mine" / "flow.yaml"  # beside the one that the operator writes
        file.parent.mkdir()
        # The source's password stays here, where nothing is told it: NiFi gets its events by bridge.
        text = EngineStories.text(far).replace("dcache-secret-word", "env:NOWHERE")
        file.write_text(text)
        flows = cluster.flows.on("site")
        assert repr(flows.plan(file)).startswith("flow: create\n")
        assert repr(flows.apply(file)).startswith("flow: deployed\n")
        assert repr(flows.apply(file)).startswith("flow: nothing to change\n")
        assert "waiting for its bridge" in repr(flows.start("flow"))
        operator.send(operator.compiled(text.replace("env:NOWHERE", "word")), "from a cell")
        eventually(lambda: far.bodies == ["from a cell"])
        assert "running" in flows.status()._repr_html_()
        assert "stopped" in repr(flows.drain("flow"))
        assert "running" in repr(flows.start("flow"))
        assert "stopped" in repr(flows.stop("flow"))
        flows.delete("flow")
        assert repr(flows.status()) == "No dataflows of ours there."
        with pytest.raises(FlowNotFound):
            flows.start("flow")
    assert canvas.empty


class Queues:
    """A server that speaks AWS, and what is in it."""

    def __init__(self, url: str) -> None:
        self.url = url
        keys = {"aws_access_key_id": "access", "aws_secret_access_key": "secret"}
        self._sqs = boto3.client("sqs", endpoint_url=url, region_name=REGION, **keys)  # type: ignore[call-overload]

    @property
    def names(self) -> list[str]:
        return [one.rpartition("/")[2] for one in self._sqs.list_queues().get("QueueUrls", ())]


@pytest.fixture
def aws() -> Iterator[Queues]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Queues(f"http://{host}:{port}")
    server.stop()


def reading_a_queue(folder: Path, url: str, aws: Queues, far: Service) -> Path:
    """A file of a dataflow whose source is a queue."""
    file = folder / "mine" / "flow.yaml"
    file.parent.mkdir()
    file.write_text(SQS.format(nifi=url, aws=aws.url, oscar=far.url, region=REGION, port=EngineStories.port()))
    return file


def test_a_file_takes_its_queue_along_when_it_is_deleted(
    nifi: Process, operator: Operator, canvas: Canvas, aws: Queues, tmp_path: Path
) -> None:
    with service() as far:
        flow = oscar.flow(reading_a_queue(tmp_path, nifi.url, aws, far))
        for act in (flow.apply, flow.delete):
            with pytest.raises(SecretsUnconfirmed, match=r"AWS_SECRET_ACCESS_KEY from env:AWS_SECRET \(line 9\)"):
                act()
        assert "Make the queue frames" in repr(flow.plan())
        flow.apply(secrets=True)
        assert aws.names == ["frames"]
        [status] = operator.do(lambda asked: asked.status())
        assert list(status.made) == ["the queue frames"]
        flow.delete(secrets=True)
        assert aws.names == []
        assert canvas.empty
        flow.apply(secrets=True)
        flow.delete(secrets=True, keep_queues=True)
        assert aws.names == ["frames"]


@pytest.mark.parametrize("again", [True, False], ids=["deployed-again", "given-up"])
def test_the_queue_of_a_run_that_was_killed_goes_with_the_dataflow_too(
    nifi: Process, operator: Operator, canvas: Canvas, aws: Queues, tmp_path: Path, again: bool
) -> None:
    with service() as far, counted(nifi.url) as (url, desk):
        file = reading_a_queue(tmp_path, url, aws, far)
        (tmp_path / "home").mkdir()
        machine = runner(tmp_path / "home", tmp_path)
        machine.env |= {"AWS_KEY": "access", "AWS_SECRET": "secret"}
        command = [sys.executable, "-m", "jupyter_oscar", "flow", "apply", str(file), "--yes"]
        process = subprocess.Popen(command, env=machine.env, cwd=tmp_path, stderr=subprocess.DEVNULL)

        def die(said: str) -> int | None:
            if said == "POST /nifi-api/parameter-contexts":
                process.send_signal(signal.SIGKILL)
                process.wait(60)
                return 503
            return None

        desk.refuse = die
        process.wait(300)
        assert process.returncode == -signal.SIGKILL
        desk.refuse = lambda _: None
        assert (aws.names, canvas.empty) == (["frames"], True)
        if again:
            machine("flow", "apply", file, "--yes")
        machine("flow", "delete", file, "--yes")
        assert "Removed the queue frames." in machine.said
    assert aws.names == []
    assert canvas.empty
