"""What a file becomes on NiFi: every kind of element imported, valid, and passing events on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from engine_stories import BRIDGED, EngineStories, Operator, eventually
from sandbox_user import User, new_name

from jupyter_oscar.flows.engines.base import FlowState
from jupyter_oscar.flows.errors import FlowRefused
from jupyter_oscar.flows.plan import Action

if TYPE_CHECKING:
    from nifi_canvas import Canvas
    from nifi_process import Process

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]


SECRET = "marked-word"
FLOWS = Path(__file__).parents[2] / "resources" / "flows"


def everything(via: str) -> str:
    text = (FLOWS / "everything.yaml").read_text()
    head = r"(      - name: (?:dcache|kafka|sqs|s3|rucio)-in\n)"
    return re.sub(
        head, rf"\1        x-oscar: {{via: {via}}}\n", text.replace("invoke.json", str(FLOWS / "invoke.json"))
    )


LACKING = {
    "s3-in GetSQS nifi-aws-nar",
    "sqs-in GetSQS nifi-aws-nar",
    "to-minio PutS3Object nifi-aws-nar",
    "to-s3 PutS3Object nifi-aws-nar",
    "rucio-in ConsumeAMQP nifi-amqp-nar",
}
LACKING_IN = {
    "1.18.0": LACKING
    | {
        "kafka-in ConsumeKafka_2_6 nifi-kafka-2-6-nar",
        "kafka-in StandardRestrictedSSLContextService nifi-ssl-context-service-nar",
        "rucio-in StandardRestrictedSSLContextService nifi-ssl-context-service-nar",
    },
    "2.3.0": LACKING
    | {
        "kafka-in ConsumeKafka nifi-kafka-nar",
        "kafka-in Kafka3ConnectionService nifi-kafka-3-service-nar",
        "s3-in AWSCredentialsProviderControllerService nifi-aws-nar",
        "sqs-in AWSCredentialsProviderControllerService nifi-aws-nar",
        "to-minio AWSCredentialsProviderControllerService nifi-aws-nar",
        "to-s3 AWSCredentialsProviderControllerService nifi-aws-nar",
    },
}


def without_aws(operator: Operator, text: str, name: str) -> Any:
    import dataclasses

    return dataclasses.replace(operator.compiled(text, name), queues=())


def test_every_kind_is_imported_and_what_this_nifi_lacks_is_named_by_its_bundle(
    nifi: Process, operator: Operator, canvas: Canvas
) -> None:
    snapshot = without_aws(operator, everything("native"), "all")
    named = {f"{one.element} {one.type.rpartition('.')[2]} {one.bundle.artifact}" for one in snapshot.missing}
    assert named == LACKING_IN[nifi.version]
    with pytest.raises(FlowRefused, match=r"this NiFi has no GetSQS\. Install nifi-aws-nar"):
        operator.apply(snapshot)
    assert canvas.empty
    outcome = operator.apply(snapshot, allow_missing=True)
    path = f"/process-groups/{outcome.id}/processors?includeDescendantGroups=true"
    processors = [one["component"] for one in canvas.get(path)["processors"]]
    more = "includeAncestorGroups=false&includeDescendantGroups=true"
    services = canvas.get(f"/flow/process-groups/{outcome.id}/controller-services?{more}")["controllerServices"]
    parts = [*processors, *(one["component"] for one in services)]
    ghosts = [one["type"] for one in parts if one["extensionMissing"]]
    assert sorted(ghosts) == sorted(one.type for one in snapshot.missing)
    # A processor may lack what a ghost would give it; nothing else is wrong.
    wrong = [one for one in processors if one["validationStatus"] != "VALID" and not one["extensionMissing"]]
    assert wrong == []
    status = operator.status("all")
    assert status is not None
    assert status.state is FlowState.INVALID
    assert operator.plan(snapshot, allow_missing=True).action is Action.NOTHING
    shown = json.dumps(canvas.get(f"/process-groups/{outcome.id}/download")) + repr(outcome) + repr(snapshot)
    assert SECRET not in shown


def test_with_bridges_all_but_the_destination_in_aws_is_valid(operator: Operator, canvas: Canvas) -> None:
    text = everything("bridge").replace("to: to-minio", "to: to-oscar").replace("to: to-s3", "to: to-oscar")
    text = re.sub(r"    PutS3:\n.*?  generic:", "  generic:", text, flags=re.DOTALL)
    snapshot = without_aws(operator, text, "all")
    assert snapshot.missing == ()
    outcome = operator.apply(snapshot)
    path = f"/process-groups/{outcome.id}/processors?includeDescendantGroups=true"
    assert {one["component"]["validationStatus"] for one in canvas.get(path)["processors"]} == {"VALID"}
    assert operator.start("all").invalid == ()
    assert operator.stop("all").state is FlowState.STOPPED


def test_events_are_merged_encoded_and_become_a_job_in_oscar(operator: Operator, sandbox: Any) -> None:
    user, name = User(sandbox), new_name()
    user.create(name)
    alterations = "alterations: [{action: Merge, maxMessages: 2, windowSeconds: 60}, {action: Encode}]"
    source = f"x-oscar: {{port: {EngineStories.port()}}}\n        {alterations}"
    text = BRIDGED.format(oscar=sandbox.endpoint, service=name, token=user.token(name), seconds=0, source=source)
    snapshot = operator.compiled(text)
    operator.apply(snapshot)
    operator.start()
    operator.send(snapshot, "first", "second")
    [key] = eventually(lambda: user.keys(name, "out/"))
    assert sorted(user.get(name, key).split()) == [b"FIRST", b"SECOND"]
    assert operator.drain().queued == 0
    user.delete(name)
