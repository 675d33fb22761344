"""What is listed as not asked for is not: with all of it taken away, the same work is done on the endpoint that judges.

So each action of a policy is asked for, and its absence is an error that names it (the other tests of this folder), or it is
listed with its reason.
"""

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from lakeworks.infrastructure.plan_apply import PROBLEMS
from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from lakeworks.permissions.aws_call import Purpose
from lakeworks.permissions.lake_address import LakeAddress
from lakeworks.tenants.iam_policy import tenant_policy
from tests.lakeworks.permissions import test_policy_enforced as enforced
from tests.lakeworks.permissions.conftest import ACCOUNT, ROOT, Guarded
from tests.lakeworks.permissions.test_tenants_enforced import ACME, ELSEWHERE
from tests.protocol.test_bad_input import Given, arrived, events, run

RunAt = Callable[..., Run]


@pytest.mark.parametrize(
    ("purpose", "work", "listed"),
    [
        (Purpose.RUN, enforced.life_of_a_table, enforced.NOT_RUN),
        (Purpose.MAINTENANCE, enforced.a_night, enforced.NOT_AT_NIGHT),
    ],
)
def test_runs_and_nights(
    guarded: Guarded,
    run_at: RunAt,
    tmp_path: Path,
    purpose: Purpose,
    work: Callable[[Lake, RunAt], None],
    listed: Collection[str],
) -> None:
    enforced.without_database(guarded.url)
    guarded.grant(purpose, without=listed)
    work(guarded.lake(tmp_path, guarded.user), run_at)


@pytest.mark.parametrize(
    ("purpose", "work", "listed"),
    [
        (Purpose.READ, enforced.reading, enforced.NOT_READ),
        (Purpose.COST, enforced.billed, enforced.NOT_BILLED),
    ],
)
def test_readers_and_bills(
    guarded: Guarded,
    run_at: RunAt,
    tmp_path: Path,
    purpose: Purpose,
    work: Callable[[Lake], None],
    listed: Collection[str],
) -> None:
    run(guarded.lake(tmp_path, ROOT), events(), run_at(1), Given(arrived(id=[1, 2])))
    guarded.grant(purpose, without=listed)
    work(guarded.lake(tmp_path, guarded.user))


def test_a_bootstrap(guarded: Guarded) -> None:
    enforced.without_database(guarded.url)
    guarded.grant(Purpose.BOOTSTRAP, without=enforced.BEFORE, config=enforced.PLAIN)
    assert [item for item in enforced.bootstrapped(guarded) if item.outcome in PROBLEMS] == []


def test_a_doctor(guarded: Guarded, tmp_path: Path) -> None:
    assert enforced.failures_of_doctor(guarded, tmp_path, enforced.HARMLESS) == []


def test_a_takeover(guarded: Guarded, run_at: RunAt, tmp_path: Path) -> None:
    primary = f"{guarded.bucket}-primary"
    enforced.publishing(guarded, primary, run_at, tmp_path)
    guarded.grant(Purpose.FAILOVER, without=enforced.NOT_TAKEN_OVER, config=enforced.copying(primary))
    assert enforced.taken_over(guarded, primary, tmp_path) == 1


def test_a_tenant(guarded: Guarded, run_at: RunAt, tmp_path: Path) -> None:
    database = f"{ACME}__{events().table.database}"
    enforced.without_database(guarded.url, database)
    guarded.client_of_owner("glue").create_database(DatabaseInput={"Name": database})
    guarded.give([tenant_policy(ACME, LakeAddress(guarded.bucket, "us-east-1", ACCOUNT))], without=ELSEWHERE)
    enforced.life_of_a_table(guarded.lake(tmp_path, guarded.user).for_tenant(ACME), run_at)
