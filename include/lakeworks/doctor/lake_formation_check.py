"""Check of the account's Lake Formation settings: who administers it, and whether it governs what is made new."""

from collections.abc import Mapping
from typing import Any

from lakeworks.aws_errors import translated
from lakeworks.doctor.health_check import Diagnosis
from lakeworks.errors import LakeAccessDenied, LakeError

_EVERYONE = "IAM_ALLOWED_PRINCIPALS"
_PAGE = "(docs/lake-formation.md)"


def governance(lakeformation: Any, *, is_declared: bool, is_aws: bool) -> Diagnosis:
    """Read the data lake settings. `is_declared` means that lake.yml has `lake_formation`.

    Raises:
        LakeError: AWS does not answer.
    """
    try:
        with translated("read the settings of", "Lake Formation"):
            settings = lakeformation.get_data_lake_settings()["DataLakeSettings"]
    except LakeAccessDenied as error:
        remedy = "Give the role `lakeworks policy --for doctor`. Without it only the scratch tables of `catalog` show the rest."
        return Diagnosis("warning", str(error), remedy)
    except LakeError:
        if is_aws:
            raise
        return Diagnosis(
            "ok", "this endpoint has no Lake Formation", unproven="whether Lake Formation governs the account"
        )
    admins = [one["DataLakePrincipalIdentifier"] for one in settings.get("DataLakeAdmins", [])]
    closed = [name for name in ("database", "table") if not _is_open(settings, name)]
    named = f"data lake administrators: {', '.join(admins) or 'none'}"
    if is_declared and not admins:
        return Diagnosis(
            "failure",
            f"lake.yml has `lake_formation`, and the account has no data lake administrator ({named})",
            f"Name bootstrap's role as one in Lake Formation, then run `lakeworks bootstrap` {_PAGE}.",
        )
    if closed and not is_declared:
        return Diagnosis(
            "warning",
            f"Lake Formation governs each new {' and '.join(closed)} of this account: IAM alone opens none; {named}",
            f"Name the role of the runs in `lake_formation.roles` of lake.yml {_PAGE}.",
        )
    state = f"governs each new {' and '.join(closed)}" if closed else "leaves new databases and tables to IAM"
    return Diagnosis("ok", f"Lake Formation {state}; {named}")


def _is_open(settings: Mapping[str, Any], what: str) -> bool:
    """Return True if everyone whom IAM admits gets everything in a new database or table."""
    given = settings.get(f"Create{what.title()}DefaultPermissions", [])
    return any(one["Principal"].get("DataLakePrincipalIdentifier") == _EVERYONE for one in given)
