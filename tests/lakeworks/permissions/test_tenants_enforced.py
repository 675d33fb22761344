"""A tenant's run under exactly its own policy; with one action less, the failure names it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeworks.core.tenant import Tenant
from lakeworks.errors import LakeAccessDenied
from lakeworks.ledger.run_record import Run
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.tenants.iam_policy import tenant_policy
from tests.lakeworks.permissions.conftest import ACCOUNT, ROOT, Guarded
from tests.lakeworks.permissions.test_policy_enforced import life_of_a_table, without_database
from tests.protocol.test_bad_input import events

ACME = Tenant("acme")
POLICY = tenant_policy(ACME, LakeAddress("lake", "us-east-1", ACCOUNT))
# Asked by what no run of a test brings about.
ELSEWHERE = {
    "s3:AbortMultipartUpload": "an upload in parts that fails",
    "s3:ListMultipartUploadParts": "an upload in parts that is continued",
    "s3:ListBucketVersions": "a listing of versions, by `lakeworks objects`",
}
ACTIONS = sorted({action for item in POLICY["Statement"] for action in item["Action"]} - set(ELSEWHERE))


@pytest.mark.parametrize("without", ["", *ACTIONS])
def test_a_tenants_run_needs_what_its_policy_says(
    guarded: Guarded, run_at: Callable[..., Run], tmp_path: Path, without: str
) -> None:
    database = f"{ACME}__{events().table.database}"
    without_database(guarded.url, database)
    guarded.client_of_owner("glue").create_database(DatabaseInput={"Name": database})
    guarded.give([tenant_policy(ACME, LakeAddress(guarded.bucket, "us-east-1", ACCOUNT))], without=without)
    user = guarded.lake(tmp_path, guarded.user).for_tenant(ACME)
    if not without:
        life_of_a_table(user, run_at)
        keys = [item.key for item in guarded.lake(tmp_path, ROOT).store.scan("")]
        assert keys
        assert all(key.split("/")[1] == ACME.level for key in keys)
        return
    with pytest.raises(LakeAccessDenied) as refused:
        life_of_a_table(user, run_at)
    assert re.search(rf"denied: .*{without.partition(':')[2]}\b", str(refused.value)), refused.value
