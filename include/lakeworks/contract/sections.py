"""The sections of a contract about building, storing and registering a table."""

from datetime import date
from typing import Literal

from pydantic import Field, field_validator, model_validator

from lakeworks.contract.columns import ColumnType, Section
from lakeworks.contract.storage_moves import ARCHIVES, MOVES, move_fault
from lakeworks.core.lake_limits import EARLIEST, LATEST
from lakeworks.core.partition import FIRST_YEAR, LAST_YEAR
from lakeworks.core.types import LakeType

# freeze: any difference is an error; add_nullable: columns may come and go; widen: and types may change without loss;
# quarantine_unknown: rows with a value the contract has no column or no type for are quarantined, the others go on.
SchemaPolicy = Literal["freeze", "add_nullable", "widen", "quarantine_unknown"]

Engine = Literal["duckdb", "spark", "athena"]


class Quarantine(Section):
    """The share of broken rows a run tolerates before it stops instead of publishing the rest."""

    limit: float = Field(0.2, ge=0, le=1, description="Largest tolerated share of the rows read.")


class PlausibleTimes(Section):
    """The days that the partitions of a table partitioned by time can have. Rows of other days are quarantined."""

    first: date = Field(EARLIEST, description="First valid day.")
    last: date = Field(LATEST, description="Last valid day.")

    @model_validator(mode="after")
    def _is_a_range(self) -> "PlausibleTimes":
        if not (FIRST_YEAR <= self.first.year <= self.last.year <= LAST_YEAR and self.first <= self.last):
            raise ValueError(f"expected two dates in order, within the years {FIRST_YEAR} to {LAST_YEAR}")
        return self


class LateData(Section):
    """Late data: rows that arrived upstream in a run's period decide which partitions the run rebuilds, each one whole.

    Without it a run owns the partitions inside its own period. See docs/adr/0009-touched-partitions.md.
    """

    arrivals_from: str | tuple[str, ...] = Field(
        description="Upstream table whose new rows decide which partitions to rebuild, or a list of such tables. A run of a "
        "period needs at least one of them to have been run for it."
    )
    partition_time: str | None = Field(
        None, description="SQL expression over one of its rows: the time that decides the row's partition."
    )
    max_partitions: int = Field(
        400, ge=1, description="Largest number of rebuilt partitions; a run with more stops and changes nothing."
    )
    margin_days: int = Field(
        0,
        ge=0,
        description="Largest distance between the upstream's partition and `partition_time`, for example with local "
        "dates.",
    )
    may_empty: bool = Field(
        default=False, description="true: a partition that lost all its rows is published empty. false: the run stops."
    )

    @model_validator(mode="after")
    def _names_each_once(self) -> "LateData":
        if not self.upstreams or len(set(self.upstreams)) < len(self.upstreams):
            raise ValueError("`late_data.arrivals_from` names at least one table, and each once")
        return self

    @property
    def upstreams(self) -> tuple[str, ...]:
        """Return the upstream tables whose new rows count."""
        return (self.arrivals_from,) if isinstance(self.arrivals_from, str) else self.arrivals_from


class Freshness(Section):
    """The maximum age of the newest published partition (ODCS slaProperties `latency`)."""

    max_age_hours: float = Field(
        gt=0, description="Age at which the table is late, counted from the end of the partition's period."
    )
    look_back_days: int = Field(
        31,
        ge=0,
        description="Days for which a gap stays late after it is due. A gap is a missing partition before the newest, or "
        "a key (a symbol) without new partitions. 0: only the newest partition counts.",
    )


class Approval(Section):
    """The changes that wait for a person between audit and publication. See docs/approvals.md."""

    breaking_change: bool = Field(
        default=False, description="true: the contract breaks readers of the contract that was published last."
    )
    personal_data_added: bool = Field(
        default=False, description="true: a column of personal data (`pii`) is new, or was not declared as such before."
    )
    changed_rows_above: float | None = Field(
        None,
        ge=0,
        description="Share of the live rows (0.1 is a tenth). A run that adds, removes and changes more rows of live "
        "partitions than this share waits. A partition without live rows does not count.",
    )
    wait_hours: float = Field(
        72,
        gt=0,
        le=24 * 365,
        description="Hours for which a run waits; then it counts as refused. Staged rows are kept for "
        "`lifecycle.staging_days` of lake.yml, so it waits at most half a day less than that.",
    )

    @model_validator(mode="after")
    def _demands_something(self) -> "Approval":
        if not (self.breaking_change or self.personal_data_added or self.changed_rows_above is not None):
            raise ValueError("`approval` needs `breaking_change`, `personal_data_added` or `changed_rows_above`")
        return self


class Retention(Section):
    """Days after which objects move to a colder storage class or expire, counted from when each was written."""

    standard_ia_after_days: int | None = Field(None, ge=1, description="Move to Standard-IA; S3 takes 30 or more.")
    onezone_ia_after_days: int | None = Field(
        None, ge=1, description="Move to One Zone-IA, whose objects are lost with their zone; S3 takes 30 or more."
    )
    intelligent_tiering_after_days: int | None = Field(None, ge=1, description="Move to Intelligent-Tiering.")
    glacier_ir_after_days: int | None = Field(None, ge=1, description="Move to Glacier Instant Retrieval.")
    glacier_after_days: int | None = Field(
        None, ge=1, description="Move to Glacier Flexible Retrieval; objects must be restored before they can be read."
    )
    deep_archive_after_days: int | None = Field(
        None, ge=1, description="Move to Glacier Deep Archive; objects must be restored before they can be read."
    )
    expire_after_days: int | None = Field(None, ge=1, description="Delete the object.")

    @property
    def moves(self) -> tuple[tuple[int, str], ...]:
        """Return the moves as (days, storage class), in the order in which S3 makes them."""
        steps = {name: getattr(self, f"{name.lower()}_after_days") for name in MOVES if name != "STANDARD"}
        return tuple(sorted(((days, name) for name, days in steps.items() if days), key=_by_day))

    @property
    def archived_after_days(self) -> int | None:
        """Return the day from which the objects must be restored before a read; None if that never comes."""
        return next((days for days, name in self.moves if name in ARCHIVES), None)

    def without_archives(self) -> "Retention":
        """Return the same without the moves to classes that no run can read from."""
        return self.model_copy(update={f"{name.lower()}_after_days": None for name in ARCHIVES})

    @model_validator(mode="after")
    def _is_a_rule_that_s3_takes(self) -> "Retention":
        """Refuse what S3 would refuse: with one bad rule it takes no rule of the bucket at all."""
        if fault := move_fault(self.moves):
            raise ValueError(f"{fault}. S3 would refuse every rule of the bucket")
        if self.expire_after_days and self.moves and self.expire_after_days <= self.moves[-1][0]:
            days, name = self.moves[-1]
            raise ValueError(
                f"expire_after_days ({self.expire_after_days}) must lie after the last move ({name} on day {days})"
            )
        return self


def _by_day(move: tuple[int, str]) -> tuple[int, int]:
    """Order moves by day; on one day the warmer class first, so that an error names the two."""
    return move[0], list(MOVES).index(move[1])


class InputRule(Section):
    """The part of an upstream table that a run reads. Without a rule it is the run's own period, which must be published."""

    look_back_days: int = Field(0, ge=0, description="Number of earlier days to read too, for a run of any grain.")
    whole: bool = Field(False, description="Read every partition; for small tables of events.")
    optional: bool = Field(False, description="Read the table as empty if it has no published partition.")
    as_found: bool = Field(
        default=False,
        description="Read the publications that are live at that moment; a later one makes no partition stale. For a table of "
        "how things are now, read by daily snapshots.",
    )


class LandingTable(Section):
    """A table in Glue over the raw answers of the table's source, as they lie in landing."""

    columns: dict[str, ColumnType] = Field(
        {},
        description="Members of the answers with their types: each line of an answer is one JSON document. Without columns, "
        "each line is one text, `answer`.",
    )

    @field_validator("columns")
    @classmethod
    def _leave_the_keys(cls, columns: dict[str, LakeType]) -> dict[str, LakeType]:
        lower = [name.lower() for name in columns]
        if taken := {"period", "fetch_id"} & set(lower):
            raise ValueError(f"`{min(taken)}` is a partition key of every landing table")
        if len(set(lower)) < len(lower):
            raise ValueError("two columns differ in case only")
        return columns


class Catalog(Section):
    """The table's place in Glue."""

    projection: bool = Field(
        default=False,
        description="Let Athena compute the partitions instead of reading them from Glue; only for tables partitioned by "
        "time.",
    )
    iceberg: bool = Field(
        default=False,
        description="Register each run as one snapshot of an Iceberg table beside the Hive table: `<table>_iceberg` in the "
        "same Glue database. Needs `storage.layout: versioned`, because a snapshot names objects that never change. See "
        "docs/iceberg.md.",
    )
    landing: LandingTable | None = Field(
        None,
        description="A table `landing_<domain>.<source>_<data set>` over the raw answers of complete fetches, to look at them "
        "by Athena; only for a source of answers.",
    )
