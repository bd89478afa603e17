"""The types of processors and services that dataflows become, where each comes from, and how versions spell them.

Properties are written as NiFi 1 spells them and translated here. Names, and since when they hold, are from NiFi's
source at the tags 1.18.0, 1.28.1, 2.0.0, 2.3.0, 2.6.0, 2.7.2 and 2.9.0; where a NiFi lists its own, that list decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from jupyter_oscar.flows.engines.base import Bundle

if TYPE_CHECKING:
    from jupyter_oscar.flows.engines.base import Capabilities

GROUP: Final = "org.apache.nifi"
STANDARD: Final = "org.apache.nifi.processors.standard"


class Type(NamedTuple):
    """A type's whole name and the NAR it comes in; a service also has the interface that processors know it by."""

    name: str
    artifact: str
    api: str = ""
    api_artifact: str = ""

    @property
    def short(self) -> str:
        """Its name as people say it."""
        return self.name.rpartition(".")[2]


INVOKE_HTTP: Final = Type(f"{STANDARD}.InvokeHTTP", "nifi-standard-nar")
LISTEN_HTTP: Final = Type(f"{STANDARD}.ListenHTTP", "nifi-standard-nar")
MERGE_CONTENT: Final = Type(f"{STANDARD}.MergeContent", "nifi-standard-nar")
ENCODE_CONTENT: Final = Type(f"{STANDARD}.EncodeContent", "nifi-standard-nar")
EVALUATE_JSON_PATH: Final = Type(f"{STANDARD}.EvaluateJsonPath", "nifi-standard-nar")
ROUTE_ON_ATTRIBUTE: Final = Type(f"{STANDARD}.RouteOnAttribute", "nifi-standard-nar")
ROUTE_ON_CONTENT: Final = Type(f"{STANDARD}.RouteOnContent", "nifi-standard-nar")
CONSUME_KAFKA_1: Final = Type("org.apache.nifi.processors.kafka.pubsub.ConsumeKafka_2_6", "nifi-kafka-2-6-nar")
CONSUME_KAFKA_2: Final = Type("org.apache.nifi.kafka.processors.ConsumeKafka", "nifi-kafka-nar")
GET_SQS: Final = Type("org.apache.nifi.processors.aws.sqs.GetSQS", "nifi-aws-nar")
PUT_S3: Final = Type("org.apache.nifi.processors.aws.s3.PutS3Object", "nifi-aws-nar")
CONSUME_AMQP: Final = Type("org.apache.nifi.amqp.processors.ConsumeAMQP", "nifi-amqp-nar")
KAFKA_SERVICE: Final = Type(
    "org.apache.nifi.kafka.service.Kafka3ConnectionService",
    "nifi-kafka-3-service-nar",
    "org.apache.nifi.kafka.service.api.KafkaConnectionService",
    "nifi-kafka-service-api-nar",
)
AWS_SERVICE: Final = Type(
    "org.apache.nifi.processors.aws.credentials.provider.service.AWSCredentialsProviderControllerService",
    "nifi-aws-nar",
    "org.apache.nifi.processors.aws.credentials.provider.service.AWSCredentialsProviderService",
    "nifi-aws-service-api-nar",
)
SSL_SERVICE: Final = Type(
    "org.apache.nifi.ssl.StandardRestrictedSSLContextService",
    "nifi-ssl-context-service-nar",
    "org.apache.nifi.ssl.RestrictedSSLContextService",
    "nifi-standard-services-api-nar",
)

_2_0, _2_6, _2_7 = (2, 0), (2, 6), (2, 7)
_AWS = {"AWS Credentials Provider service": (_2_7, "AWS Credentials Provider Service")}
# Where a name changed: since when, and to what.
RENAMED: Final[dict[str, dict[str, tuple[tuple[int, int], str]]]] = {
    INVOKE_HTTP.name: {
        "Remote URL": (_2_0, "HTTP URL"),
        "Read Timeout": (_2_0, "Socket Read Timeout"),
        "Content-Type": (_2_0, "Request Content-Type"),
        "Useragent": (_2_0, "Request User-Agent"),
        "send-message-body": (_2_0, "Request Body Enabled"),
        "ignore-response-content": (_2_0, "Response Body Ignored"),
        "Follow Redirects": (_2_0, "Response Redirects Enabled"),
        'Penalize on "No Retry"': (_2_0, "Request Failure Penalization Enabled"),
    },
    LISTEN_HTTP.name: {
        "Authorized DN Pattern": (_2_7, "Authorized Subject DN Pattern"),
        "client-authentication": (_2_7, "Client Authentication"),
    },
    MERGE_CONTENT.name: {
        "mergecontent-metadata-strategy": (_2_7, "Metadata Strategy"),
        "Demarcator File": (_2_7, "Demarcator"),
    },
    CONSUME_AMQP.name: {
        "auto.acknowledge": (_2_6, "Auto-Acknowledge Messages"),
        "batch.size": (_2_6, "Batch Size"),
        "User Name": (_2_6, "Username"),
        "ssl-context-service": (_2_6, "SSL Context Service"),
    },
    GET_SQS.name: _AWS,
    PUT_S3.name: {**_AWS, "use-path-style-access": (_2_6, "Use Path Style Access")},
    AWS_SERVICE.name: {"Access Key": (_2_6, "Access Key ID"), "Secret Key": (_2_6, "Secret Access Key")},
    SSL_SERVICE.name: {"SSL Protocol": (_2_7, "TLS Protocol"), "key-password": (_2_7, "Key Password")},
}


def spelled(type_: str, name: str, capabilities: Capabilities) -> str:
    """A property's name as that NiFi has it."""
    since = RENAMED.get(type_, {}).get(name)
    if since is None:
        return name
    kind = capabilities.kind(type_)
    if kind is not None and kind.properties:
        return next((one for one in (since[1], name) if one in kind.properties), name)
    return since[1] if capabilities.numbers[:2] >= since[0] else name


def bundle(type_: Type, capabilities: Capabilities) -> Bundle:
    """The NAR that NiFi has the type from, or would have it from."""
    kind = capabilities.kind(type_.name)
    return kind.bundle if kind is not None else Bundle(GROUP, type_.artifact, capabilities.version)
