"""Everything lakeworks raises.

* LakeError
  x TerminalError            retrying cannot help: the input, the contract, the permission or the code must change
    + ConfigError            a setting, connection or command line is wrong
    + ContractError          a contract, its SQL or its examples are wrong
    + PartitionKeyError      a run names a partition that does not exist in the table's grain
    + SourceRejected         the source refuses the request: wrong address, parameter, credential or entitlement
    + MalformedSource        the source keeps answering something that is not the promised format
    + DeliveryShrank         a delivered file has far fewer rows than when it was landed before
    + FileRefused            a file on this machine does not keep the contract, so nothing of the delivery was loaded
    + RecordsGone            a stream no longer has records that had not landed
    + RecordRefused          a record is one that a stream cannot take
    + SchemaDrift            data arrived whose columns the table's schema policy does not admit
    + PartitionExplosion     a write would create more partitions than the contract allows
    + NotStorable            a key, name or value is one that S3, Glue or Hive cannot have
    + PartitionNotOwned      a run has rows of a partition outside its period, which other runs write
    + QuarantineLimitExceeded  more rows broke a rule than the contract tolerates
    + RowBalanceError        rows in != rows staged + quarantined + deduplicated
    + AuditFailed            the staged rows do not keep the contract's promises
    + FencedError            a newer run has already published this partition
      - NotPrimary           another bucket is the lake's primary, so this one publishes nothing
    + ApprovalMissing        the contract demands a person's approval, and no one has given it
      - ApprovalOvertaken    it was given, and another run published since: it was about other rows
    + FailoverRefused        a bucket must not take over now: its primary answers, does not answer, or has more
    + PromotionRefused       a dev lake was built from what is no longer live, or not from the project's code
    + LedgerCorrupt          a ledger entry does not parse or contradicts the objects
      - NewerFormat          a document of a newer release, in a format this one would misread
    + LiveChanged            a live object was changed by something other than lakeworks
    + StagedChanged          a staged object is no longer what was written and audited
    + RequestRefused         AWS refuses a request as it is: an argument, a size, a key, a quota
    + LakeAccessDenied       the credentials are wrong or lack a permission
    + TenantHasData          a tenant is to be removed whose data is still there
    + LakeNotFound           the bucket, table or partition does not exist
      - SourceGone           the object to copy from does not exist
    + ServingRefused         PostgreSQL refuses what is to be served: a type, a value, a permission
    + QueryFailed            Athena refuses a query, cannot run it, or someone stopped it
      - ScanLimitExceeded    a query would scan more bytes than its work group allows
    + BuildTimedOut          another engine's build was ended by its time limit
    + ObjectArchived         the object is in an archive class and must be restored before it can be read
  x TransientError           retrying may help: the source or the cloud was unavailable, or a race was lost
    + SourceUnavailable      timeouts, 5xx, throttling, truncated bodies, after the client's own retries
    + QuotaExhausted         the source admits no request before a moment the error names: wait until then
    + NotPublishedYet        the source has not published this period yet: look again later
    + FileChanged            a file on this machine was written while it was read
    + ScratchUnavailable     the local scratch folder cannot be written: disk full or not there
    + LakeUnavailable        S3 or Glue did not answer, after the client's own retries
    + StreamUnavailable      Kinesis or DynamoDB did not answer, or refused for throughput, after retries
    + LeaseLost              another consumer has taken this shard over
    + ServingUnavailable     PostgreSQL does not answer, is full, read-only or shutting down
    + CredentialsExpired     the session ran out; the next attempt fetches new credentials
    + EngineFailed           another engine's build died, or its files are not what it counted
    + StaleBuild             a partition was published again after this run read what it builds it from
    + LostRace               another writer published this partition first; the next attempt decides again
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self


@dataclass(frozen=True)
class Problem:
    """One mistake in a file that a person wrote; `str()` is its line."""

    file: str
    field: str
    message: str

    def __str__(self) -> str:
        """`` `include/lake/tables/…/contract.yml`: `columns.id`: is missing ``."""
        return f"`{self.file}`: `{self.field}`: {self.message}" if self.field else f"`{self.file}`: {self.message}"


class LakeError(Exception):
    """Base of every error lakeworks raises on purpose."""


class TerminalError(LakeError):
    """Retrying cannot help."""


class TransientError(LakeError):
    """Retrying may help."""


class ConfigError(TerminalError):
    """A setting, connection or command line is wrong."""


class ContractError(TerminalError):
    """A contract, its SQL or its examples are wrong; `problems` has each mistake by file and field, if they are known."""

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return str(self.args[0])

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Self:
        """Make one error of every problem of a file, a line each."""
        return cls("\n".join([*map(str, problems), "Nothing was run; correct the file."]), problems)


class PartitionKeyError(TerminalError):
    """A run names a partition that does not exist in the table's grain."""


class SourceRejected(TerminalError):
    """The source refuses the request."""


class MalformedSource(TerminalError):
    """The source keeps answering something that is not the promised format."""


class DeliveryShrank(TerminalError):
    """A delivered file has far fewer rows than when it was landed before."""


class FileRefused(TerminalError):
    """A file on this machine does not keep the contract, so nothing of the delivery was loaded."""


class RecordsGone(TerminalError):
    """A stream no longer has records that had not landed."""


class RecordRefused(TerminalError):
    """A record is one that a stream cannot take."""


class SchemaDrift(TerminalError):
    """Data arrived whose columns the table's schema policy does not admit."""


class PartitionExplosion(TerminalError):
    """A write would create more partitions than the contract allows."""


class NotStorable(TerminalError):
    """A key, name or value is one that S3, Glue or Hive cannot have."""


class PartitionNotOwned(TerminalError):
    """A run has rows of a partition outside its period, which other runs write."""


class QuarantineLimitExceeded(TerminalError):
    """More rows broke a rule than the contract tolerates."""


class RowBalanceError(TerminalError):
    """Rows in != rows staged + quarantined + deduplicated."""


class AuditFailed(TerminalError):
    """The staged rows do not keep the contract's promises."""


class FencedError(TerminalError):
    """A newer run has already published this partition."""


class ApprovalMissing(TerminalError):
    """The contract demands a person's approval, and no one has given it."""


class ApprovalOvertaken(ApprovalMissing):
    """An approval was given, and another run published the partitions since."""


class NotPrimary(FencedError):
    """Another bucket is the lake's primary, or became it meanwhile."""


class FailoverRefused(TerminalError):
    """A bucket must not take over now; the message says what would be lost or overtaken."""


class PromotionRefused(TerminalError):
    """A dev lake was built from what is no longer live, or not from the project's code."""


class LedgerCorrupt(TerminalError):
    """A ledger entry does not parse or contradicts the objects."""


class NewerFormat(LedgerCorrupt):
    """A newer release wrote a document in a format this one would misread."""


class LiveChanged(TerminalError):
    """A live object was changed by something other than lakeworks."""


class StagedChanged(TerminalError):
    """A staged object is no longer what was written and audited."""


class RequestRefused(TerminalError):
    """AWS refuses a request as it is: an argument, a size, a key, a quota."""


class LakeAccessDenied(TerminalError):
    """The credentials are wrong or lack a permission."""


class TenantHasData(TerminalError):
    """A tenant is to be removed whose data is still there."""


class LakeNotFound(TerminalError):
    """The bucket, table or partition does not exist."""


class SourceGone(LakeNotFound):
    """The object to copy from does not exist."""


class ServingRefused(TerminalError):
    """PostgreSQL refuses what is to be served."""


class QueryFailed(TerminalError):
    """Athena refuses a query, cannot run it, or it was stopped."""


class ScanLimitExceeded(QueryFailed):
    """A query would scan more bytes than its work group allows."""


class BuildTimedOut(TerminalError):
    """Another engine's build was ended by its time limit; the same limit would end it again."""


class ObjectArchived(TerminalError):
    """The object is in an archive class; `storage_class` is empty where S3 does not name it."""

    def __init__(self, message: str, storage_class: str = "") -> None:
        super().__init__(message)
        self.storage_class = storage_class


class SourceUnavailable(TransientError):
    """The source did not answer properly, after the client's own retries."""


class QuotaExhausted(TransientError):
    """The source admits no request before `retry_at`: its quota is used up, it asked to wait, or it kept failing."""

    def __init__(self, message: str, retry_at: datetime) -> None:
        super().__init__(message, retry_at)
        self.retry_at = retry_at

    def __str__(self) -> str:
        return str(self.args[0])


class NotPublishedYet(TransientError):
    """The source has not published this period yet."""


class FileChanged(TransientError):
    """A file on this machine was written while it was read."""


class ScratchUnavailable(TransientError):
    """The local scratch folder cannot be written."""


class LakeUnavailable(TransientError):
    """S3 or Glue did not answer, after the client's own retries."""


class StreamUnavailable(TransientError):
    """Kinesis or DynamoDB did not answer, or refused for throughput, after retries."""


class LeaseLost(TransientError):
    """Another consumer has taken this shard over."""


class ServingUnavailable(TransientError):
    """PostgreSQL does not answer, is full, read-only or shutting down."""


class CredentialsExpired(TransientError):
    """The session's credentials ran out; the next attempt fetches new ones."""


class EngineFailed(TransientError):
    """Another engine's build died, or what it wrote is not what it counted."""


class StaleBuild(TransientError):
    """Another run published this partition after this run read its inputs."""


class LostRace(TransientError):
    """Another writer published this partition first."""


class UploadGone(LostRace):
    """The upload that fills a key was completed or ended before."""
