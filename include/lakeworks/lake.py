"""One lake: its bucket, ledger, catalog and engine, built once from settings and passed to every step."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lakeworks.branches.document import DevDocument, DevRegister
from lakeworks.branches.overlay import OverlayLedger
from lakeworks.branches.pins import Pins
from lakeworks.catalog.glue import GlueCatalog
from lakeworks.catalog.partition_pages import quick_partitions
from lakeworks.contract import Contract, load_contract
from lakeworks.contract.object_tags import ObjectTags
from lakeworks.core.layout import live_prefix
from lakeworks.core.names import TableName
from lakeworks.core.partition import Partition, PartitionField, Period, date_prefix, period_range
from lakeworks.core.tenant import Tenant
from lakeworks.engines.duckdb import DuckDbEngine
from lakeworks.errors import ConfigError
from lakeworks.infrastructure.config import LakeConfig, load_config
from lakeworks.infrastructure.lifecycle_config import Lifecycle
from lakeworks.ledger.build_plan import RemoteEngine
from lakeworks.ledger.entry import LedgerEntry
from lakeworks.ledger.ledger import Ledger
from lakeworks.ledger.run_numbers import RunNumbers, RunRegister
from lakeworks.lineage.openlineage import Emit, Lineage, emitter, unheard
from lakeworks.remote_engines import NewClient, RemoteEngines
from lakeworks.run_place import RunPlace
from lakeworks.s3.fast_client import FastS3Client
from lakeworks.s3.listing_pages import quick_listings, quick_timestamps
from lakeworks.s3.object_store import ObjectStore
from lakeworks.s3.request_count import RequestCount
from lakeworks.s3.request_headers import RequestHeaders
from lakeworks.s3.share_store import store_with_keys
from lakeworks.s3.tag_header import untagged
from lakeworks.settings import Settings


def here(_: str) -> RemoteEngine | None:
    """Build every table in this process, whatever engine its contract names."""
    return None


@dataclass(frozen=True)
class Lake:
    """The collaborators every step needs."""

    store: ObjectStore
    catalog: GlueCatalog
    engine: DuckDbEngine
    scratch: Path
    contract: Callable[[str], Contract] = load_contract
    emit: Emit = unheard
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    delivered: str | None = None  # the folder that CloudFront shows to everyone
    run_numbers: Mapping[TableName, RunNumbers] = field(default_factory=dict)
    engines: Callable[[str], RemoteEngine | None] = here
    parent: "Lake | None" = None
    pins: Pins | None = None
    requests: RequestCount = field(default_factory=RequestCount)  # sent to S3 since the lake was connected

    @classmethod
    def of(
        cls, settings: Settings, s3: Any, glue: Any, tenant: Tenant | None = None, client: NewClient | None = None
    ) -> "Lake":
        """Make a lake from settings and boto3 clients (see `client_config`). With a tenant, it is that tenant's share.

        `client` makes clients of other services. Without it every table is built in this process.
        """
        try:
            settings.scratch_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"LAKE_SCRATCH_DIR `{settings.scratch_dir}` cannot be made: {error.strerror}. Nothing was run. Name a folder "
                "that this process may write."
            ) from error
        config = load_config(settings.config_file)
        salt = settings.pii_salt.get_secret_value() if settings.pii_salt else None
        layers = layer_buckets(settings)
        headers = RequestHeaders(
            {settings.bucket, *layers.values()}, settings.encryption, settings.kms_key_id, settings.bucket_owner
        )
        fast, requests = FastS3Client.of(s3, headers), RequestCount()
        if fast:
            fast.requests = requests
        return cls(
            ObjectStore(
                requests.on(headers.on(quick_listings(quick_timestamps(s3)))),
                settings.bucket,
                settings.transfer.threads,
                layers=layers,
                tenant=tenant,
                fast_client=fast,
                transfer=settings.transfer,
            ),
            GlueCatalog(quick_partitions(quick_timestamps(glue)), tenant=tenant),
            DuckDbEngine(settings.memory_limit, settings.threads, settings.scratch_dir, salt),
            settings.scratch_dir,
            emit=emitter(settings.lineage_url, settings.scratch_dir / "lineage"),
            lifecycle=config.lifecycle,
            delivered=config.cloudfront.prefix if config.cloudfront else None,
            engines=RemoteEngines(settings, client, tenant) if client else here,
            requests=requests,
        )

    @classmethod
    def connect(cls, settings: Settings, session: Any) -> "Lake":
        """Make a lake from a boto3 session, for LAKE_TENANT and LAKE_DEV. `AWS_ENDPOINT_URL[_S3|_GLUE]` name an emulator."""
        tenant = Tenant(settings.tenant) if settings.tenant else None
        s3 = session.client("s3", region_name=settings.region, config=client_config(settings))
        glue = session.client("glue", region_name=settings.region, config=client_config(settings, checked=False))

        def client(service: str) -> Any:
            return session.client(service, region_name=settings.region, config=client_config(settings))

        lake = cls.of(settings, s3, glue, tenant, client)
        return lake.for_dev(settings.dev) if settings.dev else lake

    def for_tenant(self, tenant: Tenant | None) -> "Lake":
        """Return a lake with the same clients for a tenant's share; with None, for the part outside all tenants' shares."""
        catalog = replace(self.catalog, tenant=tenant, dev=None)
        return replace(self, store=store_with_keys(self.store, tenant), catalog=catalog, parent=None, pins=None)

    def for_dev(self, name: str, now: datetime | None = None) -> "Lake":
        """Return a dev lake over this one: it reads what it has not written from here, and writes below its own prefix.

        Raises:
            ConfigError: there is no such dev lake, or its life has ended.
        """
        document = DevRegister(self.store).read(name).document
        if document.is_over(now or datetime.now(UTC)):
            raise ConfigError(
                f"The life of dev lake `{name}` ended on {document.expires_at:%Y-%m-%d %H:%M} UTC. Nothing was run; its data "
                f"is there until garbage collection. Remove it: lakeworks dev drop {name}"
            )
        return self.over(document)

    def over(self, document: DevDocument) -> "Lake":
        """Return the dev lake of a document, whatever its age. It sends no lineage events: nothing of it is live."""
        return replace(
            self,
            store=store_with_keys(self.store, self.tenant, document.branch),
            catalog=replace(self.catalog, dev=document.branch),
            emit=unheard,
            engines=here,
            run_numbers={},
            parent=self,
            pins=None if document.follow else Pins(self.store, document.branch, document.pins),
        )

    @property
    def tenant(self) -> Tenant | None:
        """Return the tenant that owns this share; None for the lake's owner."""
        return self.store.tenant

    @property
    def run_place(self) -> RunPlace:
        """The place of Airflow's runs that work in this lake."""
        return RunPlace(str(self.tenant or ""), str(self.catalog.dev or ""))

    @property
    def lineage(self) -> Lineage:
        """Lineage reporter for this lake's publications."""
        return Lineage(f"s3://{self.store.bucket}", self.emit, self.contract, self.tenant)

    @property
    def ledger(self) -> Ledger:
        """The lake's ledger; a dev lake's lies over that of the live lake."""
        if self.parent is None:
            return Ledger(self.store, self.run_numbers)
        return OverlayLedger(self.store, self.run_numbers, self.parent.ledger, self.pins)

    def with_whole_runs(self, tables: Iterable[TableName]) -> "Lake":
        """Return the lake for readers that must see runs over several partitions of these tables as a whole or not at all.

        Use it to read only: publishers need the newest entries. It costs one request per table.
        """
        names, register = list(tables), RunRegister(self.store)
        # What is pinned was whole, so only a dev lake that follows the live lake needs the live lake's documents.
        parent = self.parent.with_whole_runs(names) if self.parent and not self.pins else self.parent
        numbers = dict(zip(names, self.store.map(register.read, names), strict=True))
        return replace(self, run_numbers=numbers, parent=parent)

    def location(self, contract: Contract, partition: Partition | None = None) -> str:
        """The `s3://` address of a table or of a live partition."""
        return self.store.uri(live_prefix(contract.table, partition or Partition()))

    def find_partition(self, contract: Contract, text: str) -> Partition:
        """Return the typed partition, even one that the contract no longer allows, if the ledger has it.

        Raises:
            PartitionKeyError: the table can have no such partition.
        """
        return contract.parse_partition(text, lambda partition: bool(self.ledger.sequence(contract.table, partition)))

    def live(self, contract: Contract, period: Period) -> dict[Partition, LedgerEntry]:
        """Return a table's current partitions in a period, or all of a table that is not partitioned by time or date."""
        if contract.date_column:
            first = contract.partition_by[0].column == contract.date_column
            folder = f"{contract.date_column}={date_prefix(period)}" if first else ""
            return self.ledger.live_partitions(contract.table, folder, only=lambda part: contract.has_in(part, period))
        below, pairs = _slice(contract.partition_by, period)
        return self.ledger.live_partitions(
            contract.table, below, only=lambda part: pairs.items() <= dict(part.pairs).items()
        )

    def live_between(self, contract: Contract, start: datetime, end: datetime) -> dict[Partition, LedgerEntry]:
        """Return the current partitions in a range, from one listing a month; all of a table not partitioned by time."""
        months = list(period_range(Period.containing(start, "month"), end))
        entries: dict[Partition, LedgerEntry] = {}
        for month in months if contract.time_fields or contract.date_column else months[:1]:
            for partition, entry in self.live(contract, month).items():
                covers = partition.period
                if covers is None or (covers.start < end and covers.end > start):
                    entries[partition] = entry
        return entries

    def live_since(self, contract: Contract, start: datetime) -> dict[Partition, LedgerEntry]:
        """Return the current partitions from a moment on, from one listing; all of a table not partitioned by time."""
        first = contract.partition_by[0].transform if contract.partition_by else "identity"
        # Paths sort by time if time comes first, so earlier partitions are not listed.
        after = "" if first == "identity" else Partition.of_period(Period.containing(start, first)).path

        def ends_after_start(partition: Partition) -> bool:
            return partition.period is None or partition.period.end > start

        return self.ledger.live_partitions(contract.table, after=after, only=ends_after_start)


def object_tags(config: LakeConfig) -> Callable[[str], Mapping[str, str]]:
    """Return what gives an object its tags: nothing, unless lake.yml has `object_tags`."""
    return ObjectTags(config.object_tags, config.lifecycle.retention_of) if config.object_tags else untagged


def layer_buckets(settings: Settings) -> dict[str, str]:
    """Return the layers that have their own bucket in lake.yml.

    Raises:
        ConfigError: lake.yml is wrong.
    """
    return load_config(settings.config_file).bucket_of_layer


def client_config(settings: Settings, *, checked: bool = True) -> Any:
    """Return the settings of a lake's boto3 clients: enough connections for the threads, one retry layer.

    `checked=False` is for the catalog's client alone: botocore's own check of every nested field takes half the time of
    registering 10,000 partitions (docs/benchmarks.md). The catalog builds its requests itself, and Glue checks them. What
    people write (lake.yml, a crawler's definition) is checked before it is sent.
    """
    from botocore.config import Config

    return Config(
        retries={"mode": "standard", "total_max_attempts": 5},
        max_pool_connections=settings.transfer.threads,
        tcp_keepalive=True,
        connect_timeout=10,
        read_timeout=60,
        parameter_validation=checked,
    )


def _slice(fields: tuple[PartitionField, ...], period: Period) -> tuple[str, dict[str, str | None]]:
    """Return the path prefix to list, and the key values of partitions in the period."""
    times = [item for item in fields if item.is_time]
    if not times:
        return "", {}
    grains = ("month", "day", "hour")
    grain = grains[min(grains.index(times[0].transform), grains.index(period.grain))]
    inside = Partition.of_period(Period.containing(period.start, grain))
    return (f"{inside.path}/" if fields[0] is times[0] else ""), dict(inside.pairs)
