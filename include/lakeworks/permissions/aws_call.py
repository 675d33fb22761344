"""Operation of AWS, its IAM actions and resources, and the purposes of a policy."""

from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """Purpose of a policy, for the role that gets it."""

    RUN = "run"
    MAINTENANCE = "maintenance"
    BOOTSTRAP = "bootstrap"
    DOCTOR = "doctor"
    COST = "cost"
    CRAWL = "crawl"
    READ = "read"
    ATHENA = "athena"
    STREAM = "stream"
    DELIVERY = "delivery"
    DEV = "dev"
    SPARK = "spark"
    FAILOVER = "failover"


class On(StrEnum):
    """The resources of a call; `policy_document.py` gives their ARNs."""

    LAKE = "objects that runs read and write"
    LIVE = "objects of published tables"
    RECORDS = "ledger and contracts, which readers need"
    REPORTS = "inventories and access logs"
    RESULTS = "answers of Athena"
    SETUP = "manifest and trial object of bootstrap"
    TRIALS = "trial objects of the doctor"
    LAKE_LIST = "listings of what runs read and write"
    LIVE_LIST = "listings of published tables"
    RECORD_LIST = "listings of ledger and contracts"
    REPORT_LIST = "listings of inventories and access logs"
    RESULT_LIST = "listings of answers"
    TRIAL_LIST = "listings of trial objects and answers"
    BUCKETS = "buckets with layers"
    ALL_BUCKETS = "buckets with layers, logs and copies"
    CATALOG = "databases and tables of the lake"
    LANDING_CATALOG = "databases and tables over raw answers"
    DEV = "objects of dev lakes"
    DEV_LIST = "listings of dev lakes"
    DEV_CATALOG = "databases of dev lakes"
    TENANT_CATALOG = "databases of tenants"
    TENANT_RECORDS = "records and policies of tenants"
    TRIAL_TABLES = "scratch tables of the doctor"
    CRAWLERS = "crawlers"
    CRAWLER_ROLES = "roles of crawlers"
    REPLICATION_ROLE = "role of the replication"
    WORK_GROUP = "Athena work group"
    WORK_GROUPS = "every Athena work group of lake.yml"
    QUEUE = "queue of the inbox"
    ALARM = "alarms"
    BUDGET = "budgets"
    KEY = "KMS key"
    STREAMS = "Kinesis streams"
    STREAM_TABLES = "DynamoDB tables of streams"
    SPARK_APPLICATION = "EMR Serverless applications and their jobs"
    SPARK_JOB = "Glue job"
    SPARK_ROLES = "roles of Spark jobs"
    SPARK_FILE = "file that Spark jobs run"
    STAGING = "objects that builds stage"
    STAGING_LIST = "listings of what builds stage"
    LANDED = "batches that consumers of streams land"
    LANDED_LIST = "listings of landed batches"
    STREAM_CONSUMERS = "consumers of streams with fan-out"
    STREAM_KEYS = "KMS keys of streams"
    STREAM_KEY_ALIASES = "KMS keys of streams that an alias names"
    DELIVERIES = "Firehose delivery streams"
    DELIVERY_ROLES = "roles of Firehose"
    DELIVERED_STREAMS = "streams that Firehose reads"
    DELIVERED_FILES = "objects that Firehose writes"
    DELIVERY_BUCKET = "bucket that Firehose writes to"
    OTHER_LEDGER = "ledger and tenants' records of the bucket that is copied to"
    OTHER_LEDGER_LIST = "listings of the ledger of the bucket that is copied to"
    ANYTHING = "everything: the service knows no resources"


@dataclass(frozen=True)
class AwsCall:
    """One operation (`s3.HeadObject`), and what it needs. `feature` is the part of lake.yml without which it is not made."""

    operation: str
    actions: tuple[str, ...]
    on: On
    purposes: frozenset[Purpose]
    feature: str = ""
