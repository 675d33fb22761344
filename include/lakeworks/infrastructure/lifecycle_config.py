"""The lifecycle section of `lake.yml`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lakeworks.contract import Contract, Retention
from lakeworks.contract.storage_moves import move_fault
from lakeworks.infrastructure.lifecycle_limits import loss

WORD = r"^[a-z0-9][a-z0-9-]*$"
StorageClassName = Literal["STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"]


class Part(BaseModel):
    """A section of lake.yml: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Transition(Part):
    """A move to a colder class, days after the object was written."""

    days: int = Field(ge=0)
    storage_class: StorageClassName


class Rule(Part):
    """A lifecycle rule beyond those of layers and tables."""

    id: str = Field(pattern=WORD)
    prefix: str
    transitions: tuple[Transition, ...] = ()
    expire_after_days: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _colder_and_later(self) -> "Rule":
        days = [move.days for move in self.transitions]
        if days != sorted(set(days)):
            raise ValueError("transitions must go to colder classes (towards DEEP_ARCHIVE) at later days")
        if fault := move_fault([(move.days, move.storage_class) for move in self.transitions]):
            raise ValueError(f"{fault}; transitions must go to colder classes (towards DEEP_ARCHIVE) at later days")
        if self.expire_after_days is not None and days and self.expire_after_days <= days[-1]:
            raise ValueError("expire_after_days must lie after the last transition")
        if not self.transitions and self.expire_after_days is None:
            raise ValueError("a rule needs transitions or expire_after_days")
        return self


class Lifecycle(Part):
    """Defaults by layer; a contract's `retention` overrides its layer's.

    A move counts days since the object was written. `expire_after_days` counts days since a run last published or confirmed
    the partition: the lake withdraws it then (lakeworks expire). The bucket's own rule follows `expiry_margin_days` later.
    """

    landing: Retention = Retention()
    bronze: Retention = Retention(glacier_ir_after_days=90, deep_archive_after_days=365)
    silver: Retention = Retention(glacier_ir_after_days=180)
    gold: Retention = Retention(expire_after_days=365)
    reference: Retention = Retention()
    staging_days: int = Field(7, ge=1, description="Days for which `_staging/` and `tmp/` are kept.")
    results_days: int = Field(30, ge=1, description="Days for which `_results/` (Athena's answers) is kept.")
    incomplete_upload_days: int = Field(7, ge=1)
    rollback_days: int = Field(30, ge=1, description="Days after which noncurrent versions are deleted.")
    expiry_margin_days: int = Field(
        30,
        ge=7,
        description="Days between the lake's withdrawal of a partition and the bucket's deletion of its objects.",
    )
    rollback_versions: int = Field(
        10, ge=1, le=100, description="Number of newest versions to keep; older ones are deleted after a day."
    )
    rules: tuple[Rule, ...] = ()
    losing_rules: Literal["refuse", "warn"] = Field(
        "refuse", description="Reaction to a rule that costs more than it saves."
    )
    backfill_days: int = Field(365, ge=0, description="Days that backfills can read without a restore.")
    reads_per_month: dict[str, float] = Field(
        default_factory=dict, description="Share of a prefix's cold bytes that is read each month, e.g. {bronze/: 0.1}."
    )

    @model_validator(mode="after")
    def _no_rule_destroys_the_lake(self) -> "Lifecycle":
        """Refuse a bucket-wide expiry rule: readers of the catalog would get no rows and no error."""
        for rule in self.rules:
            classes = [move.storage_class for move in rule.transitions]
            if fault := loss(rule.prefix, classes, expires=rule.expire_after_days is not None):
                raise ValueError(f"rule `{rule.id}` {fault}")
        return self

    @model_validator(mode="after")
    def _one_rule_a_prefix(self) -> "Lifecycle":
        """Refuse two rules of one prefix: S3 combines them by its own precedence, which no review can foresee."""
        seen: dict[str, str] = {}
        for rule in self.rules:
            if (other := seen.setdefault(rule.prefix, rule.id)) != rule.id:
                raise ValueError(
                    f"rules `{other}` and `{rule.id}` are both for prefix `{rule.prefix}`: make them one rule"
                )
        if len({rule.id for rule in self.rules}) != len(self.rules):
            raise ValueError("two rules have the same id: S3 keeps one of them")
        return self

    def retention_of(self, contract: Contract) -> Retention:
        """Return a table's retention: its contract's, else its layer's. `retention: {}` keeps everything as it is."""
        default: Retention = getattr(self, contract.table.layer)
        return contract.retention if "retention" in contract.model_fields_set else default
