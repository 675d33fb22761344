"""Answers of AWS as they come over the wire, through botocore's own parsers: right class, retried or not, next step named.

Each call site of the library is refused in `test_aws_call_sites.py`. Nothing here was recorded in an account. Bodies have the documented form of each service's protocol, codes are of botocore's models.
"""

import io
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import get_session

from lakeworks.aws_errors import lake_error, translated
from lakeworks.errors import LakeAccessDenied, LakeError, LakeNotFound, LakeUnavailable, RequestRefused, TransientError
from lakeworks.permissions.aws_calls import every_call
from lakeworks.s3.archive import ArchiveState, request_restore
from lakeworks.s3.object_store import ObjectStore

JSON = "application/x-amz-json-1.1"
# Classes of the modelled errors of every operation that lakeworks calls, by service; all others are refusals of the request.
DECIDED = Path(__file__).with_name("aws_answers.yml")
DENIED, PASSES, REFUSED, MISSING = LakeAccessDenied, LakeUnavailable, RequestRefused, LakeNotFound


@dataclass(frozen=True)
class Answer:
    """One answer to one call."""

    service: str
    call: Callable[[Any], Any]
    status: int
    code: str
    kind: type[LakeError]
    says: str
    message: str = "x"

    def __str__(self) -> str:
        return f"{self.service} {self.code}"

    @property
    def wire(self) -> tuple[dict[str, str], str]:
        """Headers and body in the protocol of the service."""
        if self.service == "s3":
            return (
                {},
                f"<Error><Code>{self.code}</Code><Message>{self.message}</Message><RequestId>1</RequestId></Error>",
            )
        if self.service in ("cloudfront", "sns", "iam", "sts"):
            error = f"<Error><Type>Sender</Type><Code>{self.code}</Code><Message>{self.message}</Message></Error>"
            return {}, f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
        if self.service == "emr-serverless":
            return {"x-amzn-ErrorType": f"{self.code}:http://internal.amazon.com/"}, f'{{"message":"{self.message}"}}'
        name = {"dynamodb": "com.amazonaws.dynamodb.v20120810#"}.get(self.service, "")
        return {"Content-Type": JSON}, f'{{"__type":"{name}{self.code}","message":"{self.message}"}}'


def put_record(kinesis: Any) -> Any:
    return kinesis.put_records(StreamName="orders", Records=[{"Data": b"1", "PartitionKey": "a"}])


def read_shard(kinesis: Any) -> Any:
    return kinesis.get_records(ShardIterator="AAAA")


def take_lease(dynamodb: Any) -> Any:
    key = {"lease": {"S": "a"}}
    return dynamodb.update_item(TableName="leases", Key=key, ConditionExpression="attribute_not_exists(lease)")


def start_query(athena: Any) -> Any:
    return athena.start_query_execution(QueryString="SELECT 1", WorkGroup="lake")


def start_emr(emr: Any) -> Any:
    return emr.start_job_run(
        applicationId="00f1", clientToken="1", executionRoleArn="arn:aws:iam::111122223333:role/spark"
    )


def start_job(glue: Any) -> Any:
    return glue.start_job_run(JobName="lake")


def describe_delivery(firehose: Any) -> Any:
    return firehose.describe_delivery_stream(DeliveryStreamName="orders")


def read_distribution(cloudfront: Any) -> Any:
    return cloudfront.get_distribution_config(Id="E1")


def read_object(s3: Any) -> Any:
    return s3.get_object(Bucket="lake", Key="x")


def create_bucket(s3: Any) -> Any:
    return s3.create_bucket(Bucket="lake")


KEY = "Look at the KMS key"
QUOTA = "quota of the account"
AGAIN = "Run again"
ANSWERS = [
    Answer("kinesis", put_record, 400, "ProvisionedThroughputExceededException", PASSES, AGAIN),
    Answer("kinesis", put_record, 400, "KMSAccessDeniedException", DENIED, "kms:Decrypt"),
    Answer("kinesis", put_record, 400, "KMSDisabledException", REFUSED, KEY),
    Answer("kinesis", put_record, 400, "KMSThrottlingException", PASSES, AGAIN),
    Answer("kinesis", put_record, 400, "AccessDeniedException", DENIED, "denied: PutRecords"),
    Answer("kinesis", put_record, 400, "ResourceNotFoundException", MISSING, "ResourceNotFoundException"),
    Answer("kinesis", read_shard, 400, "ExpiredIteratorException", PASSES, AGAIN),
    Answer("kinesis", read_shard, 500, "InternalFailure", PASSES, AGAIN),
    Answer("dynamodb", take_lease, 400, "ConditionalCheckFailedException", PASSES, AGAIN),
    Answer("dynamodb", take_lease, 400, "ProvisionedThroughputExceededException", PASSES, AGAIN),
    Answer("dynamodb", take_lease, 400, "ReplicatedWriteConflictException", PASSES, AGAIN),
    Answer("dynamodb", take_lease, 400, "ValidationException", REFUSED, "Correct what the message names"),
    Answer("dynamodb", take_lease, 400, "AccessDeniedException", DENIED, "denied: UpdateItem"),
    Answer("athena", start_query, 400, "TooManyRequestsException", PASSES, AGAIN),
    Answer("athena", start_query, 400, "InvalidRequestException", REFUSED, "Correct what the message names"),
    Answer("athena", start_query, 400, "AccessDeniedException", DENIED, "denied: StartQueryExecution"),
    Answer("athena", start_query, 500, "InternalServerException", PASSES, AGAIN),
    Answer("emr-serverless", start_emr, 400, "ValidationException", REFUSED, "Correct what the message names"),
    Answer("emr-serverless", start_emr, 409, "ConflictException", PASSES, AGAIN),
    Answer("emr-serverless", start_emr, 403, "AccessDeniedException", DENIED, "denied: StartJobRun"),
    Answer("emr-serverless", start_emr, 402, "ServiceQuotaExceededException", REFUSED, QUOTA),
    Answer("emr-serverless", start_emr, 404, "ResourceNotFoundException", MISSING, "ResourceNotFoundException"),
    Answer("glue", start_job, 400, "ConcurrentRunsExceededException", PASSES, AGAIN),
    Answer("glue", start_job, 400, "ResourceNumberLimitExceededException", REFUSED, QUOTA),
    Answer("glue", start_job, 400, "EntityNotFoundException", MISSING, "EntityNotFoundException"),
    Answer("glue", start_job, 400, "AccessDeniedException", DENIED, "denied: StartJobRun"),
    Answer("firehose", describe_delivery, 400, "ResourceNotFoundException", MISSING, "ResourceNotFoundException"),
    Answer("firehose", describe_delivery, 400, "InvalidKMSResourceException", REFUSED, KEY),
    Answer("firehose", describe_delivery, 400, "LimitExceededException", PASSES, AGAIN),
    Answer("firehose", describe_delivery, 400, "AccessDeniedException", DENIED, "denied: DescribeDeliveryStream"),
    Answer("cloudfront", read_distribution, 404, "NoSuchDistribution", MISSING, "NoSuchDistribution"),
    Answer("cloudfront", read_distribution, 400, "TooManyDistributions", REFUSED, QUOTA),
    Answer("cloudfront", read_distribution, 412, "PreconditionFailed", PASSES, AGAIN),
    Answer("cloudfront", read_distribution, 403, "AccessDenied", DENIED, "denied: GetDistributionConfig"),
    Answer("cloudfront", read_distribution, 400, "Throttling", PASSES, AGAIN),
    Answer("s3", read_object, 403, "AccessDenied", DENIED, "denied: s3:GetObject"),
    Answer("s3", create_bucket, 409, "BucketAlreadyExists", REFUSED, "Choose another one"),
    Answer("cloudfront", read_distribution, 409, "CNAMEAlreadyExists", REFUSED, "Choose another one"),
    Answer("s3", read_object, 404, "NoSuchKey", MISSING, "NoSuchKey"),
    Answer("s3", read_object, 503, "SlowDown", PASSES, AGAIN),
]
# Services whose every call passes through `translated` too; their codes are decided by the model alone.
BY_MODEL_ONLY = {"budgets", "ce", "cloudwatch", "iam", "kms", "lakeformation", "secretsmanager", "sns", "sqs", "sts"}


class Body(io.BytesIO):
    """A response's body as urllib3 gives it."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def answering(answer: Answer) -> tuple[Any, list[str]]:
    """Return a client that gets this answer to everything, and the addresses it asked."""
    sent: list[str] = []
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    client: Any = boto3.client(answer.service, region_name="us-east-1", config=config, **keys)  # type: ignore[call-overload]
    headers, body = answer.wire

    def reply(request: Any, **_: Any) -> AWSResponse:
        sent.append(request.url)
        return AWSResponse(request.url, answer.status, HeadersDict(headers), Body(body.encode()))  # type: ignore[arg-type]

    client.meta.events.register("before-send", reply)
    return client, sent


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_an_answer_has_its_class_and_its_next_step(answer: Answer) -> None:
    client, sent = answering(answer)
    with pytest.raises(LakeError) as raised, translated("use", "the place"):
        answer.call(client)
    assert sent, "the call reached the wire"
    assert type(raised.value) is answer.kind
    assert isinstance(raised.value, TransientError) == (answer.kind is PASSES)
    assert f"Could not use `the place`: {answer.code}" in str(raised.value)
    assert answer.says in str(raised.value)


@pytest.mark.parametrize(
    ("code", "status"), [("RestoreAlreadyInProgress", 409), ("ObjectAlreadyInActiveTierError", 403)]
)
def test_a_restore_with_nothing_to_do_is_no_error(code: str, status: int) -> None:
    client, sent = answering(Answer("s3", read_object, status, code, LakeError, ""))
    item = ArchiveState("x", None, 1, "INTELLIGENT_TIERING", "archived", None)
    request_restore(ObjectStore(client, "lake"), item, "bulk", 5)
    assert len(sent) == 1


def called() -> dict[str, set[str]]:
    """Operations that lakeworks calls, by service."""
    found = defaultdict(set)
    for call in every_call():
        service, _, operation = call.operation.partition(".")
        found[service].add(operation)
    return found


def test_every_service_that_is_called_has_answers() -> None:
    assert set(called()) <= {answer.service for answer in ANSWERS} | BY_MODEL_ONLY


def test_every_error_that_aws_models_for_a_call_is_decided() -> None:
    """A new call brings its errors: each that is no refusal of the request is named in aws_answers.yml, by class."""
    found: dict[str, dict[str, list[str]]] = {}
    for service, operations in called().items():
        model = get_session().get_service_model(service)
        shapes: list[Any] = [shape for name in operations for shape in model.operation_model(name).error_shapes]
        for shape in shapes:
            status = (shape.metadata.get("error") or {}).get("httpStatusCode") or (
                500 if shape.metadata.get("fault") else 400
            )
            details: Any = {
                "Error": {"Code": shape.error_code, "Message": "x"},
                "ResponseMetadata": {"HTTPStatusCode": status},
            }
            kind = type(lake_error(ClientError(details, "Call"), "use", "it")).__name__
            if kind != RequestRefused.__name__:
                found.setdefault(service, {}).setdefault(kind, []).append(shape.error_code)
    ordered = {
        service: {kind: sorted(set(codes)) for kind, codes in sorted(kinds.items())}
        for service, kinds in sorted(found.items())
    }
    assert ordered == yaml.safe_load(DECIDED.read_text())
