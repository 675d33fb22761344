"""Errors for partitions of a batch that Glue refused: they name the first partition and the next step."""

from collections.abc import Mapping

from lakeworks.catalog.partition_batches import Values
from lakeworks.contract import Contract
from lakeworks.errors import LakeAccessDenied, LakeUnavailable, RequestRefused

# Glue refuses the partition itself: a value, a length, a type, a quota, the key of its catalog.
_REFUSED = {
    "GlueEncryptionException",
    "InvalidInputException",
    "ResourceNumberLimitExceededException",
    "ValidationException",
}


def raise_refused(contract: Contract, refused: Mapping[Values, str], total: int) -> None:
    """Raise if Glue refused partitions, naming the first.

    Raises:
        LakeAccessDenied: a permission is missing; a retry cannot help.
        RequestRefused: Glue refuses a partition as it is; a retry cannot help.
        LakeUnavailable: any other reason.
    """
    if not refused:
        return
    values, code = next(iter(refused.items()))
    what = f"kept throttling {len(refused)} of" if "Throttl" in code else f"refused {len(refused)} of"
    raise refusal(code)(
        f"Glue {what} {total} partitions of `{contract.name}`, first {'/'.join(values)}: {code}. The others are registered; "
        f"the data is live. Repair: lakeworks catalog repair {contract.name}"
    )


def refusal(code: str) -> type[LakeAccessDenied | RequestRefused | LakeUnavailable]:
    """Return the error that an error code of Glue means."""
    if "AccessDenied" in code:
        return LakeAccessDenied
    return RequestRefused if code in _REFUSED else LakeUnavailable
