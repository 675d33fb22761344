"""Scenarios that together make every AWS call of the library, each through the library's own function."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from lakeworks.athena.builds import AthenaBuilds
from lakeworks.athena.executions import QueryExecutions
from lakeworks.athena.history import past_queries
from lakeworks.athena.statement import AthenaStatement
from lakeworks.aws_errors import translated
from lakeworks.catalog.databases import drop_database
from lakeworks.catalog.glue import GlueCatalog
from lakeworks.catalog.indexes import ensure_index
from lakeworks.catalog.landing_tables import LandingCatalog
from lakeworks.catalog.partition_batches import PartitionCalls
from lakeworks.core.names import TableName
from lakeworks.cost.cost_explorer import charged
from lakeworks.cost.object_inventory import from_listing
from lakeworks.cost.report import bucket_lifecycle
from lakeworks.doctor import account_checks
from lakeworks.doctor.athena_check import TrialQuery
from lakeworks.doctor.bucket_checks import TrialBucket
from lakeworks.doctor.bucket_settings import foreign_settings
from lakeworks.doctor.catalog_check import TrialCatalog
from lakeworks.doctor.delivery_check import delivery
from lakeworks.doctor.lake_formation_check import governance
from lakeworks.doctor.leftovers import remove_versions
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.engines.remote.detached_spark import check_job_file
from lakeworks.engines.remote.emr_serverless import EmrServerless
from lakeworks.engines.remote.glue_job import GlueJobRuns
from lakeworks.engines.remote.job_service import JobName
from lakeworks.failover.delivered_objects import versions_of as delivered_versions
from lakeworks.failover.replica_refusal import admit_replicas, refuse_replicas
from lakeworks.iceberg.glue_pointer import GluePointer, Pointed
from lakeworks.infrastructure import bucket_deletion
from lakeworks.infrastructure.aws_partition import LakeLocation
from lakeworks.infrastructure.config import load_config
from lakeworks.infrastructure.desired_state import DesiredState, desired_resources
from lakeworks.infrastructure.lake_bootstrap import plan_lake
from lakeworks.infrastructure.lake_formation.column_filters import RetiredFilter
from lakeworks.infrastructure.lake_formation.grants import RetiredGrant
from lakeworks.infrastructure.lake_formation.known_state import read_state
from lakeworks.infrastructure.lake_formation.open_databases import DefaultOfNewTables, OpenDatabases
from lakeworks.infrastructure.lake_formation.permissions import database_target
from lakeworks.infrastructure.lake_formation.record import Granted, GrantRecord
from lakeworks.infrastructure.lifecycle_review import Judgement
from lakeworks.infrastructure.resource import Resource
from lakeworks.infrastructure.resources.lifecycle import rules_of
from lakeworks.infrastructure.resources.replication import refuse_two_way
from lakeworks.lake import Lake
from lakeworks.landing.arrival_queue import ArrivalQueue
from lakeworks.maintenance.garbage.uploads import collect_uploads
from lakeworks.maintenance.tagging import tag_versions
from lakeworks.objects.deletion import delete_listed
from lakeworks.objects.key_range import KeyRange
from lakeworks.objects.listing import versions_of
from lakeworks.objects.tagging import read_tags, tag_objects
from lakeworks.s3.archive import ArchiveState, archive_state, request_restore
from lakeworks.s3.multipart import copy_object, open_upload, upload_file
from lakeworks.s3.object_store import ObjectStore, StoredObject, Target
from lakeworks.s3.upload_parts import complete_from_parts, end_upload, send_bytes
from lakeworks.settings import Settings
from lakeworks.site.destination import write_pages
from lakeworks.streaming.checkpoint import Checkpoint
from lakeworks.streaming.checkpoint_table import CheckpointTable
from lakeworks.streaming.fan_out.fan_out_reader import FanOutReader, find_consumer
from lakeworks.streaming.live.live_view import LiveEvent, LiveView
from lakeworks.streaming.producer import FlushPolicy, Producer
from lakeworks.streaming.shard_reader import ShardReader
from lakeworks.streaming.shards import StreamShards
from tests.conftest import contract_of
from tests.lakeworks.infrastructure.conftest import TAXI
from tests.lakeworks.infrastructure.test_config import EXAMPLE
from tests.support.sampled_aws import CallSite, SampledAws, WireError

NOW = datetime(2026, 1, 3, tzinfo=UTC)
TABLE = TableName("silver", "test", "rows")
ROWS = contract_of("silver.test.rows")
# What services say of a thing that is not there, so that it is made.
NOTHING = WireError("EntityNotFoundException", 400)
NO_STREAM = WireError("ResourceNotFoundException", 400)
ABSENT = {
    **dict.fromkeys(("GetDatabase", "GetCrawler", "GetJob", "GetTable", "GetLFTag", "GetDataCellsFilter"), NOTHING),
    **dict.fromkeys(("DescribeStreamSummary", "DescribeTable", "DescribeDeliveryStream", "ListStreamConsumers"), NO_STREAM),
    "GetQueueUrl": WireError("QueueDoesNotExist", 400),
    **dict.fromkeys(("CreateDatabase", "CreateCrawler", "CreateDataCellsFilter"), WireError("AlreadyExistsException", 400)),
    "GetWorkGroup": WireError("InvalidRequestException", 400, "WorkGroup lake is not found."),
    "HeadBucket": WireError("404", 404),
    "CreateBudget": WireError("DuplicateRecordException", 400),
    "GetBucketEncryption": WireError("ServerSideEncryptionConfigurationNotFoundError", 404),
}  # fmt: skip


@dataclass(frozen=True)
class AwsScenario:
    """A use of the library. The fields are those of `SampledAws`."""

    run: Callable[[SampledAws], Any]
    known: Mapping[str, Any] = field(default_factory=dict)
    absent: Mapping[str, WireError] = field(default_factory=dict)
    refused: Mapping[str, WireError] = field(default_factory=dict)

    def aws(
        self, sites: frozenset[CallSite], target: CallSite | None = None, error: WireError | None = None
    ) -> SampledAws:
        """Services for one run."""
        return SampledAws(sites, self.known, self.absent, self.refused, target, error)


def no_sleep(_: float) -> None:
    """Pass no time."""


def store(aws: SampledAws) -> ObjectStore:
    """A store over sampled S3."""
    return ObjectStore(aws("s3"), "lake", threads=1)


def glue(aws: SampledAws) -> GlueCatalog:
    """A catalog over sampled Glue."""
    return GlueCatalog(aws("glue"), threads=1, sleep=no_sleep)


def lake(aws: SampledAws) -> Lake:
    """A lake over both."""
    return Lake(store(aws), glue(aws), DuckDbEngine(), Path("/nowhere"), contract=lambda _: ROWS)


@cache
def resources() -> tuple[Resource, ...]:
    """Everything that bootstrap makes for the example of every field."""
    config = load_config(EXAMPLE)
    config = config.model_copy(update={"encryption": config.encryption.model_copy(update={"kms_key_id": "k"})})
    wish = DesiredState(config, TAXI, rules_of(config.lifecycle, TAXI), Judgement({}, ()), lambda: NOW)
    by_kind = {one.kind: one for one in desired_resources(LakeLocation("lake", "us-east-1", "123456789012"), wish)}
    granted = Granted("arn:aws:iam::123456789012:role/a", database_target("silver_test"), ("DESCRIBE",))
    (stream,) = [one for one in by_kind.values() if one.service == "kinesis" and one.kind != "stream consumer"]
    plain: Any = replace(stream, config=config.streams[0].model_copy(update={"kms_key_id": None}))  # type: ignore[call-arg]
    more = (
        plain,
        RetiredGrant("g", granted=granted, record=GrantRecord(None, "lake")),
        RetiredFilter("f", place={"TableCatalogId": "1", "DatabaseName": "d", "TableName": "t", "Name": "n"}),
        DefaultOfNewTables("silver_test"),
        OpenDatabases("open", databases=("x",), closed=frozenset({"x"}), roles=()),
    )
    return (*by_kind.values(), *more)


def prepared(resource: Resource, aws: SampledAws) -> Any:
    """The resource with what a test passes in: no waiting, and a record in sampled S3."""
    names = {one.name for one in fields(resource)}
    changes: dict[str, Any] = {"sleep": no_sleep} if "sleep" in names else {}
    if "record" in names:
        changes["record"] = GrantRecord(aws("s3"), "lake")
    return replace(resource, **changes)


def members_of(resource: Resource, *, is_there: bool) -> dict[str, Any]:
    """Members of answers without which a resource would not go on."""
    known: dict[str, Any] = {"Policy": '{"Statement": []}', "Amount": "1", "state": "CREATED"}
    known |= dict.fromkeys(("StreamStatus", "TableStatus"), "ACTIVE") | {"name": resource.name}
    known |= {"Body": body(b'{"grants": []}')} if resource.kind in ("grant", "retired grant", "grant record") else {}
    if resource.kind == "emr serverless application" and not is_there:
        known |= {"applications": []}
    if resource.kind in ("distribution", "origin access control") and is_there:
        known |= {
            "Name": resource.name,
            "Comment": str(resource.desired().get("Comment", "")),
            "OriginGroups": {"Quantity": 0},
        }
    if resource.kind == "retired grant":
        known |= {"Resource": database_target("silver_test"), "Permissions": ["DESCRIBE"]}
    if resource.kind == "iam allowed principals":
        known |= {"Resource": {"Database": {"Name": "x"}}}
    return known


def of_resources() -> Iterator[AwsScenario]:
    """Read and write each resource as bootstrap does, where it is there and where it is not."""
    for resource in resources():
        for absent in ({}, ABSENT):

            def read(aws: SampledAws, resource: Resource = resource) -> None:
                made = prepared(resource, aws)
                with translated(f"read {made.kind} of", made.name):
                    made.read(aws(made.service))

            def write(aws: SampledAws, resource: Resource = resource) -> None:
                made = prepared(resource, aws)
                with translated(f"set {made.kind} of", made.name):
                    made.write(aws(made.service), made.desired())

            known = members_of(resource, is_there=not absent)
            yield AwsScenario(read, known, absent)
            yield AwsScenario(write, known, absent)
            if resource.kind == "encryption":
                yield AwsScenario(write, known, absent, {"PutObject": WireError("KMS.DisabledException", 400)})
            if resource.kind == "stream" and not absent:
                yield AwsScenario(write, {**known, "StreamMode": "ON_DEMAND", "EncryptionType": "KMS", "KeyId": "k2"})


def small_parquet() -> bytes:
    """Bytes of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": [1]}), sink)
    return bytes(sink.getvalue())


class body:  # noqa: N801 - stands for a value
    """A body that can be read again and again."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, *_: Any) -> bytes:
        return self.content

    def close(self) -> None:
        """Nothing is open."""


def upload(aws: SampledAws) -> None:
    """Send a file in parts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.write_bytes(bytes(40 << 20))
        upload_file(store(aws), path, Target("exports/x"))


def download(aws: SampledAws) -> None:
    """Read a file to disk."""
    with tempfile.TemporaryDirectory() as folder:
        store(aws).download("x", Path(folder) / "x")


def pushed(aws: SampledAws) -> None:
    """Follow a shard, and look until its first answer is there."""
    reader = FanOutReader(aws("kinesis"), "s", "shard", "", "arn:aws:kinesis:us-east-1:1:stream/s/consumer/c:1")
    try:
        for _ in range(20):
            reader.read()
            time.sleep(0.005)
    finally:
        reader.close()


def produced(aws: SampledAws) -> None:
    """Put one record."""
    producer = Producer(aws("kinesis"), "s", FlushPolicy(attempts=1), sleep=no_sleep)
    producer.put(b"1", "a")
    producer.flush()


def trial_bucket(aws: SampledAws) -> TrialBucket:
    """The doctor's bucket."""
    return TrialBucket(aws("s3"), "lake", "us-east-1", True, lambda: NOW)


def trial_catalog(aws: SampledAws) -> TrialCatalog:
    """The doctor's catalog."""
    return TrialCatalog(aws("glue"), ["silver_test"], "s3://lake/x", True, lambda: NOW)


def checkpoints(aws: SampledAws) -> CheckpointTable:
    """Checkpoints of a stream."""
    return CheckpointTable(aws("dynamodb"), "t", "s")


def view(aws: SampledAws) -> LiveView:
    """A live view."""
    config = load_config(EXAMPLE).streams[0].live_view
    assert config
    return LiveView(aws("dynamodb"), "t", config, timedelta(days=1))


EVENT = LiveEvent("a", "2026-01-02T00", "2026-01-02", "00", "c", "EUR", 1, 1)  # type: ignore[arg-type]
CHECKPOINT = Checkpoint("s", "shard", ())
ITEM = CHECKPOINT.item()
NO_ITEMS: Mapping[str, Any] = {"Items": []}
EMR = {"applications": [{"id": "00f1", "name": "spark", "createdAt": NOW, "state": "STARTED"}]}
JOB = JobName.parse("lakeworks")
STORED = StoredObject("silver/test/rows/x", 1, '"e"', "v")
BIG = StoredObject("silver/test/rows/x", 200 << 20, '"e"', "v")
PARTITION = {"Values": ["1"], "StorageDescriptor": {}}
NOT_HERE = {"GetTable": NOTHING}


def iceberg(aws: SampledAws) -> GluePointer:
    """An Iceberg table's pointer."""
    return GluePointer(aws("glue"), "d", "t", "s3://lake/x")


def queries(aws: SampledAws) -> QueryExecutions:
    """Queries of a work group."""
    return QueryExecutions(aws("athena"), "lake", sleep=no_sleep)


def emr(aws: SampledAws) -> EmrServerless:
    """Jobs of EMR Serverless."""
    return EmrServerless(aws("emr-serverless"), "spark", "arn:aws:iam::123456789012:role/x", "s3://lake/x")


def settings() -> Settings:
    """Settings of a lake."""
    return Settings(bucket="lake", region="us-east-1", config_file=None, kms_key_id=None, price_book=None)


def calls(aws: SampledAws) -> PartitionCalls:
    """Calls about partitions."""
    return PartitionCalls(aws("glue"), TABLE, threads=1, sleep=no_sleep)


OF_S3 = (
    lambda aws: store(aws).now(),
    lambda aws: store(aws).head("x"),
    lambda aws: store(aws).get("x"),
    lambda aws: store(aws).get_range("x", 0, 1),
    download,
    lambda aws: store(aws).put("x", b"1"),
    lambda aws: list(store(aws).scan("x")),
    lambda aws: store(aws).delete(["x"]),
    lambda aws: store(aws).delete_if(STORED),
    upload,
    lambda aws: open_upload(store(aws), Target("x"), 1),
    lambda aws: send_bytes(store(aws), {"Bucket": "lake", "Key": "x", "UploadId": "u"}, 1, b"1"),
    lambda aws: complete_from_parts(store(aws), Target("x"), "u", 1, lambda _: [{"ETag": "e", "PartNumber": 1}]),
    lambda aws: end_upload(store(aws), "x", "u"),
    lambda aws: copy_object(store(aws), STORED, Target("y"), "stamp"),
    lambda aws: archive_state(store(aws), "x"),
    lambda aws: request_restore(store(aws), ArchiveState("x", None, 1, "GLACIER", "archived"), "bulk", 5),
    lambda aws: list(versions_of(store(aws), KeyRange("x"))),
    lambda aws: read_tags(store(aws), "x"),
    lambda aws: list(delivered_versions(store(aws), "x")),
    lambda aws: list(from_listing(store(aws))),
    lambda aws: bucket_lifecycle(lake(aws))("x"),
    lambda aws: collect_uploads(lake(aws), NOW, dry_run=False),
    lambda aws: list(tag_versions(replace_tags(lake(aws)), ROWS)),
    lambda aws: write_pages([("x.html", "x")], "s3://site/x", aws("s3")),
    lambda aws: check_job_file(store(aws)),
    lambda aws: bucket_deletion.list_buckets(aws("s3")),
    lambda aws: GrantRecord(aws("s3"), "lake").add(Granted("p", database_target("d"), ("DESCRIBE",))),
    lambda aws: list(remove_versions(aws("s3"), "lake", "x", lambda *_: True) or ()),
)


def replace_tags(made: Lake) -> Lake:
    """The lake with tags on its objects."""
    made.store.tags = lambda _: {"owner": "x"}
    return made


OURS = {"TagSet": [{"Key": "managed-by", "Value": "lakeworks"}], "Errors": []}
LEFT = {"Key": "_staging/doctor/0123abcd_1/x", "Initiated": datetime(2020, 1, 1, tzinfo=UTC)}
NO_KEY = WireError("NoSuchKey", 404)


def copied(aws: SampledAws) -> None:
    """Copy an object that is too large for one request."""
    copy_object(store(aws), BIG, Target("y"), "stamp")


OTHERS: tuple[AwsScenario, ...] = (
    AwsScenario(copied, {"ContentLength": BIG.size, "Body": body(small_parquet())}),
    AwsScenario(lambda aws: list(delete_listed(store(aws), KeyRange("x"))), {"IsLatest": True, "Errors": []}),
    AwsScenario(lambda aws: list(tag_objects(store(aws), KeyRange("x"), {"a": "b"})), {"IsLatest": True}),
    AwsScenario(lambda aws: bucket_deletion.delete_bucket(aws("s3"), "lake", force=True), OURS),
    AwsScenario(lambda aws: refuse_two_way(aws("s3"), "lake", "copy"), absent={"GetObject": NO_KEY}),
    AwsScenario(lambda aws: trial_bucket(aws)._clean_uploads(), LEFT),
    AwsScenario(lambda aws: trial_bucket(aws).trial_write(), refused={"ListObjectVersions": WireError("AccessDenied", 403)}),
    AwsScenario(upload, refused={"UploadPart": WireError("SlowDown", 503)}),
    AwsScenario(lambda aws: calls(aws).delete([("1",)]), absent={"BatchDeletePartition": WireError("UnknownOperationException", 400)}),
    AwsScenario(lambda aws: refuse_replicas(aws("s3"), "lake", "us-east-1"), {"Policy": '{"Statement": []}'}),
    AwsScenario(
        lambda aws: admit_replicas(aws("s3"), "lake"),
        {"Policy": '{"Statement": [{"Sid": "FailoverRefusesReplicas"}]}'},
    ),
    AwsScenario(lambda aws: plan_lake(settings(), aws, load_config(EXAMPLE).model_copy(update={"replication": None}), contracts=TAXI)),
    AwsScenario(lambda aws: bucket_deletion.policy_of(aws("s3"), "lake"), {"Policy": "{}"}),
    AwsScenario(lambda aws: read_state(aws("s3"), aws("glue"), "lake", ["d"])),
    # the doctor
    AwsScenario(lambda aws: account_checks.clock(aws("s3"), "lake", lambda: NOW)),
    AwsScenario(lambda aws: account_checks.account_of(aws("sts"))),
    AwsScenario(lambda aws: trial_bucket(aws).owner(lambda: "1")),
    AwsScenario(lambda aws: trial_bucket(aws).versioning(), {"Status": "Enabled"}),
    AwsScenario(lambda aws: trial_bucket(aws).trial_write()),
    AwsScenario(lambda aws: trial_bucket(aws).conditional_write()),
    AwsScenario(lambda aws: foreign_settings(aws("s3"), "lake", is_aws=True)),
    AwsScenario(lambda aws: trial_catalog(aws).trial_tables()),
    AwsScenario(lambda aws: trial_catalog(aws).clean("d"), {"Name": "lakeworks_doctor_0123abcd_1", "CreateTime": LEFT["Initiated"]}),
    AwsScenario(lambda aws: governance(aws("lakeformation"), is_declared=True, is_aws=True)),
    AwsScenario(lambda aws: delivery(aws("firehose"), "d")),
    AwsScenario(
        lambda aws: TrialQuery(aws("athena"), aws("s3"), "lake", True, no_sleep).select_one(), {"State": "ENABLED"}
    ),
    AwsScenario(lambda aws: TrialQuery(aws("athena"), aws("s3"), "lake", True, no_sleep)._answer("q")),
    AwsScenario(lambda aws: TrialQuery(aws("athena"), aws("s3"), "lake", True, no_sleep)._stop("q", "RUNNING")),
    # Glue
    AwsScenario(lambda aws: drop_database(glue(aws), "silver_test")),
    AwsScenario(lambda aws: glue(aws).ensure_database("d"), absent=ABSENT),
    AwsScenario(lambda aws: glue(aws).table(TABLE)),
    AwsScenario(lambda aws: glue(aws)._has_database("d")),
    AwsScenario(lambda aws: glue(aws).upsert_table(ROWS, "s3://lake/x"), absent=NOT_HERE),
    AwsScenario(lambda aws: glue(aws).upsert_table(ROWS, "s3://lake/x")),
    AwsScenario(lambda aws: ensure_index(aws("glue"), {"DatabaseName": "d", "TableName": "t"}, ("day",), 100_000), {"PartitionIndexDescriptorList": []}),
    AwsScenario(lambda aws: LandingCatalog(glue(aws), ROWS, "s3://lake/x").set_table(), absent=NOT_HERE),
    AwsScenario(lambda aws: LandingCatalog(glue(aws), ROWS, "s3://lake/x").set_table()),
    AwsScenario(lambda aws: list(calls(aws).listing())),
    AwsScenario(lambda aws: calls(aws).get([("1",)]), {"UnprocessedKeys": []}),
    AwsScenario(lambda aws: calls(aws).create([PARTITION]), {"Errors": []}),
    AwsScenario(lambda aws: calls(aws).update([PARTITION]), {"Errors": []}),
    AwsScenario(lambda aws: calls(aws).delete([("1",), ("2",)]), {"Errors": []}),
    AwsScenario(lambda aws: calls(aws).delete([("1",)]), {"Errors": []}),
    AwsScenario(lambda aws: iceberg(aws).read()),
    AwsScenario(lambda aws: iceberg(aws).swap(None, "s3://lake/x/m", [], "x")),
    AwsScenario(lambda aws: iceberg(aws).swap(Pointed("s3://lake/x/n", "1", {}), "s3://lake/x/m", [], "x")),
    AwsScenario(lambda aws: GlueJobRuns(aws("glue"), "spark").describe()),
    AwsScenario(lambda aws: GlueJobRuns(aws("glue"), "spark").submit(JOB, "o")),  # type: ignore[arg-type]
    AwsScenario(lambda aws: list(GlueJobRuns(aws("glue"), "spark").active())),
    AwsScenario(lambda aws: GlueJobRuns(aws("glue"), "spark").end_of("j")),
    AwsScenario(lambda aws: GlueJobRuns(aws("glue"), "spark").cancel("j"), {"Errors": []}),
    # Athena, EMR Serverless
    AwsScenario(lambda aws: queries(aws).start(AthenaStatement("SELECT 1"), "a")),
    AwsScenario(lambda aws: queries(aws).ended("q")),
    AwsScenario(lambda aws: queries(aws).stop("q")),
    AwsScenario(lambda aws: queries(aws)._scan_limit()),
    AwsScenario(lambda aws: list(queries(aws).rows(queries(aws).ended("q"))), {"State": "SUCCEEDED"}),  # type: ignore[arg-type]
    AwsScenario(lambda aws: list(past_queries(aws("athena"), "lake", 1, no_sleep)), {"UnprocessedQueryExecutionIds": []}),
    AwsScenario(lambda aws: AthenaBuilds(queries(aws)).built("q", PLAN, store(aws)), {"DataManifestLocation": "s3://lake/m"}),
    AwsScenario(lambda aws: emr(aws).submit(JOB, "o"), EMR),  # type: ignore[arg-type]
    AwsScenario(lambda aws: list(emr(aws).active()), EMR),
    AwsScenario(lambda aws: emr(aws).end_of("j"), EMR),
    AwsScenario(lambda aws: emr(aws).cancel("j"), EMR),
    # streams, queue, costs
    AwsScenario(lambda aws: checkpoints(aws).all(), {"Items": [ITEM]}),
    AwsScenario(lambda aws: checkpoints(aws).add("shard", ())),
    AwsScenario(lambda aws: checkpoints(aws).save(CHECKPOINT, CHECKPOINT), {"Item": ITEM}),
    AwsScenario(lambda aws: checkpoints(aws)._read(CHECKPOINT), {"Item": ITEM}),
    AwsScenario(lambda aws: StreamShards(aws("kinesis"), "s", checkpoints(aws)).register(), NO_ITEMS),
    AwsScenario(lambda aws: ShardReader(aws("kinesis"), "s", "shard", "").read()),
    AwsScenario(pushed, {"EventStream": ()}),
    AwsScenario(lambda aws: find_consumer(aws("kinesis"), "s", "x"), {"ConsumerStatus": "ACTIVE"}),
    AwsScenario(produced, {"Records": [{"SequenceNumber": "1", "ShardId": "s"}]}),
    AwsScenario(lambda aws: list(view(aws)._items("2026-01-02")), NO_ITEMS),
    AwsScenario(lambda aws: view(aws)._count(EVENT)),
    AwsScenario(lambda aws: ArrivalQueue.find(aws("sqs"), "q", None, "lake")),
    AwsScenario(lambda aws: ArrivalQueue(aws("sqs"), "https://sqs/q", "lake").receive(0)),
    AwsScenario(lambda aws: ArrivalQueue(aws("sqs"), "https://sqs/q", "lake").delete(["r"]), {"Failed": []}),
    AwsScenario(lambda aws: charged(aws("ce"), NOW.date(), NOW.date()), {"Keys": ["AWS Glue", "x"], "Metrics": {name: {"Amount": "1", "Unit": "USD"} for name in ("UnblendedCost", "UsageQuantity")}}),
)  # fmt: skip
PLAN: Any = type("Plan", (), {"output": "_staging/x/"})()
SCENARIOS: tuple[AwsScenario, ...] = (*(AwsScenario(run) for run in OF_S3), *OTHERS, *of_resources())
