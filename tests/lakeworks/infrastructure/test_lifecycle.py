"""Lifecycle rules: from layer defaults and contracts, and judged before they are written."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakeworks.contract import Retention, all_tables, load_contract
from lakeworks.contract.storage_moves import move_fault
from lakeworks.infrastructure.lake_bootstrap import LakePlan
from lakeworks.infrastructure.lifecycle_config import Lifecycle, StorageClassName
from lakeworks.infrastructure.lifecycle_review import Evidence, judge_rules
from lakeworks.infrastructure.resources.lifecycle import LifecycleRules, archive_exceptions, rules_of
from lakeworks.prices import GIB, Objects, load_price_book
from tests.conftest import contract_of
from tests.lakeworks.infrastructure.conftest import client, one

BOOK = load_price_book()
CONTRACTS = [load_contract(name) for name in all_tables()]


def rules(config: Lifecycle | None = None, *contracts: Any) -> dict[str, Any]:
    return {name.removeprefix("lakeworks-"): rule for name, rule in rules_of(config or Lifecycle(), contracts).items()}


def judged(config: Lifecycle, region: str = "us-east-1", **evidence: Any) -> tuple[dict[str, str], str]:
    found = judge_rules(rules_of(config, []), config, Evidence(BOOK, region, **evidence))
    return found.refused, "\n".join(found.notes)


def test_the_defaults() -> None:
    found = rules()
    assert found["bronze-to-glacier"]["Transitions"] == [
        {"Days": 90, "StorageClass": "GLACIER_IR"}, {"Days": 365, "StorageClass": "DEEP_ARCHIVE"},
    ]  # fmt: skip
    assert found["silver-to-glacier"]["Transitions"] == [{"Days": 180, "StorageClass": "GLACIER_IR"}]
    assert found["gold-expiration"]["Expiration"] == {"Days": 365 + 30}, (
        "the lake withdraws what is past 365 days first"
    )
    assert found["expire-temp-files"]["Expiration"] == found["expire-staging"]["Expiration"] == {"Days": 7}
    assert found["abort-incomplete-multipart-upload"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert all(rule["ID"] == f"lakeworks-{name}" and "Prefix" not in rule for name, rule in found.items())
    assert not {"reference-to-glacier", "landing-to-glacier"} & set(found)


LADDER = {
    "standard_ia_after_days": 30, "intelligent_tiering_after_days": 60, "glacier_ir_after_days": 90,
    "glacier_after_days": 180, "deep_archive_after_days": 365,
}  # fmt: skip


def test_a_contract_and_a_layer_can_say_every_storage_class() -> None:
    said = {name.removesuffix("_after_days").upper() for name in Retention.model_fields} - {"EXPIRE"}
    assert said == {*get_args(StorageClassName)}
    steps = [{"Days": days, "StorageClass": name} for name, days in zip(
        ("STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"), LADDER.values(), strict=True
    )]  # fmt: skip
    assert rules(Lifecycle.model_validate({"silver": LADDER}))["silver-to-glacier"]["Transitions"] == steps
    own = contract_of("silver.test.own", retention=LADDER)
    assert rules(None, own)["silver.test.own-to-glacier"]["Transitions"] == steps
    zone = contract_of("silver.test.zone", retention={"onezone_ia_after_days": 30, "glacier_after_days": 60})
    assert [move["StorageClass"] for move in rules(None, zone)["silver.test.zone-to-glacier"]["Transitions"]] == [
        "ONEZONE_IA", "GLACIER",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("retention", "says"),
    [
        ({"glacier_ir_after_days": 90, "deep_archive_after_days": 30}, "from DEEP_ARCHIVE to no other class"),
        ({"onezone_ia_after_days": 30, "glacier_ir_after_days": 90}, "from ONEZONE_IA to GLACIER, DEEP_ARCHIVE, not to GLACIER_IR"),
        ({"standard_ia_after_days": 30, "glacier_after_days": 31}, "must stay 30 days in STANDARD_IA: .* on day 60 or later"),
        ({"standard_ia_after_days": 7}, "to STANDARD_IA after 30 days at the earliest"),
        ({"glacier_ir_after_days": 90, "expire_after_days": 30}, "must lie after the last move .GLACIER_IR on day 90"),
    ],
)  # fmt: skip
def test_a_retention_that_s3_refuses_is_refused_before(retention: dict[str, int], says: str) -> None:
    """S3 takes no rule of the bucket at all if one is wrong."""
    with pytest.raises(ValueError, match=says):
        contract_of("silver.test.own", retention=retention)
    with pytest.raises(ValueError, match=says):
        Lifecycle.model_validate({"silver": retention})


def retentions() -> st.SearchStrategy[Retention]:
    """Retentions that S3 takes."""
    days = st.none() | st.integers(1, 200)

    def made(fields: dict[str, int | None]) -> Retention | None:
        with suppress(ValueError):
            return Retention(**fields)
        return None

    made_or_none = st.fixed_dictionaries(dict.fromkeys(Retention.model_fields, days)).map(made)
    return cast("st.SearchStrategy[Retention]", made_or_none.filter(lambda found: found is not None))


@given(st.lists(retentions(), min_size=1, max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], deadline=None)
def test_the_rule_that_all_tenants_share_is_one_that_s3_takes(all_of_them: list[Retention]) -> None:
    tables = [contract_of(f"gold.test.t{n}", retention=one.model_dump()) for n, one in enumerate(all_of_them)]
    for rule in rules(None, *tables).values():
        moves = [(move["Days"], move["StorageClass"]) for move in rule.get("Transitions", [])]
        assert move_fault(moves) is None, rule


def test_tenants_tables_of_a_layer_with_a_rule_a_table_share_one_that_is_early_for_none() -> None:
    early = contract_of("bronze.test.early", retention={"glacier_ir_after_days": 30, "deep_archive_after_days": 200})
    late = contract_of("bronze.test.late", retention={"glacier_ir_after_days": 120, "expire_after_days": 700})
    found = rules(None, early, late)["bronze-tenants-to-glacier"]
    assert found["Filter"] == {"Prefix": "bronze/tenant="}
    assert found["Transitions"] == [{"Days": 120, "StorageClass": "GLACIER_IR"}], "one of them is never archived"
    assert "Expiration" not in found, "one of them never expires"
    assert "gold-tenants-expiration" not in rules(None, early, late), "the rule of a whole layer reaches tenants"


def test_the_rule_of_a_versioned_table_reaches_its_objects_too() -> None:
    keep = {"glacier_ir_after_days": 30, "expire_after_days": 700}
    late = contract_of("bronze.test.late", retention=keep, storage={"layout": "versioned"})
    found = rules(None, late)
    plain, versions = found["bronze.test.late-to-glacier"], found["bronze.test.late-versions-to-glacier"]
    assert (plain["Filter"], versions["Filter"]) == (
        {"Prefix": "bronze/test/late/"},
        {"Prefix": "bronze/test/late.versions/"},
    )
    assert (plain["Transitions"], plain["Expiration"]) == (versions["Transitions"], versions["Expiration"])


def test_noncurrent_versions_are_bounded_in_days_and_in_number() -> None:
    found = rules(Lifecycle(rollback_days=14, rollback_versions=3))
    # NewerNoncurrentVersions in the rule with the days would exempt the newest from the days: expiry would free nothing
    assert found["rollback-horizon"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 14}
    assert found["rollback-versions"]["NoncurrentVersionExpiration"] == {
        "NoncurrentDays": 1,
        "NewerNoncurrentVersions": 3,
    }
    assert found["expire-staging"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    # a key whose versions all expired would list as a delete marker for ever
    assert found["rollback-horizon"]["Expiration"] == {"ExpiredObjectDeleteMarker": True}


def test_contracts_that_follow_their_layer_share_a_rule_and_others_split_it() -> None:
    same = contract_of("gold.test.same")
    longer = contract_of("gold.test.longer", retention={"expire_after_days": 3650})
    kept = contract_of("gold.test.kept", retention={})
    assert "gold-expiration" in rules(None, same)
    found = rules(None, same, longer, kept)
    assert "gold-expiration" not in found, "the layer's 365 days would win over the table's 3650"
    assert found["gold.test.longer-expiration"]["Filter"] == {"Prefix": "gold/test/longer/"}
    margin = Lifecycle().expiry_margin_days
    assert found["gold.test.longer-expiration"]["Expiration"] == {"Days": 3650 + margin}
    assert found["gold.test.same-expiration"]["Expiration"] == {"Days": 365 + margin}, "after the lake itself"
    assert "gold.test.kept-expiration" not in found, "`retention: {}` keeps for ever"


EVERYTHING = ["", "_", "_ledger", "_ledger/", "_ledger/silver/", "m", "metadata/", "metadata/tenants/", "_quota/"]
PUBLISHED = ["g", "gold/", "gold/market/", "silver/market/ohlcv/", "landing/", "landing/market/", "reference/"]


@pytest.mark.parametrize("prefix", [*EVERYTHING, *PUBLISHED])
@pytest.mark.parametrize("losing", ["refuse", "warn"])
def test_no_rule_of_lake_yml_expires_what_the_lake_needs(prefix: str, losing: str) -> None:
    rule = {"id": "short", "prefix": prefix, "expire_after_days": 90}
    with pytest.raises(ValueError, match=r"rule `short` would expire (objects|what is published)"):
        Lifecycle.model_validate({"rules": [rule], "losing_rules": losing})


@pytest.mark.parametrize("prefix", EVERYTHING)
@pytest.mark.parametrize("kind", ["STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"])
def test_no_rule_moves_what_every_run_reads(prefix: str, kind: str) -> None:
    """`{prefix: _ledger/, transitions: [30: GLACIER]}` was praised for saving $42, and nothing could be published after."""
    rule = {"id": "cold", "prefix": prefix, "transitions": [{"days": 90, "storage_class": kind}]}
    with pytest.raises(
        ValueError, match=rf"rule `cold` would move to {kind} objects of `(_ledger|metadata|_quota)/`: "
    ):
        Lifecycle.model_validate({"rules": [rule], "losing_rules": "warn"})


@pytest.mark.parametrize("prefix", PUBLISHED)
def test_a_free_rule_archives_nothing_that_runs_read(prefix: str) -> None:
    move = {"days": 90, "storage_class": "GLACIER_IR"}
    Lifecycle.model_validate({"rules": [{"id": "warm", "prefix": prefix, "transitions": [move]}]})
    archive = {"days": 180, "storage_class": "DEEP_ARCHIVE"}
    with pytest.raises(ValueError, match=r"to DEEP_ARCHIVE, where no run can read them.*`retention`"):
        Lifecycle.model_validate({"rules": [{"id": "cold", "prefix": prefix, "transitions": [move, archive]}]})


def test_rules_beside_the_lake_are_free() -> None:
    rule = {"id": "short", "prefix": "exports/", "expire_after_days": 90}
    others = [{**rule, "id": "audits", "prefix": "_audits/"}, {**rule, "id": "inbox", "prefix": "inbox/"}]
    cold = {"id": "cold", "prefix": "exports/old/", "transitions": [{"days": 1, "storage_class": "DEEP_ARCHIVE"}]}
    assert len(Lifecycle.model_validate({"rules": [rule, *others, cold]}).rules) == 4


def test_two_rules_on_one_prefix_are_refused() -> None:
    rule = {"id": "one", "prefix": "exports/", "expire_after_days": 90}
    with pytest.raises(ValueError, match=r"rules `one` and `two` are both for prefix `exports/`: make them one rule"):
        Lifecycle.model_validate({"rules": [rule, {**rule, "id": "two"}]})
    with pytest.raises(ValueError, match="two rules have the same id"):
        Lifecycle.model_validate({"rules": [rule, {**rule, "prefix": "else/"}]})


@pytest.mark.parametrize(
    ("moves", "why"),
    [
        ([(30, "ONEZONE_IA"), (90, "GLACIER_IR")], "S3 moves objects from ONEZONE_IA to GLACIER, DEEP_ARCHIVE, not to GLACIER_IR"),
        ([(30, "STANDARD_IA"), (59, "GLACIER")], "must stay 30 days in STANDARD_IA: move them to GLACIER on day 60 or later"),
        ([(90, "DEEP_ARCHIVE"), (120, "GLACIER")], "from DEEP_ARCHIVE to no other class, not to GLACIER"),
        ([(0, "INTELLIGENT_TIERING"), (60, "STANDARD_IA")], "not to STANDARD_IA"),
        ([(90, "GLACIER"), (90, "DEEP_ARCHIVE")], "at later days"),
    ],
)  # fmt: skip
def test_moves_that_s3_does_not_make_are_refused_in_words(moves: list[tuple[int, str]], why: str) -> None:
    transitions = [{"days": days, "storage_class": kind} for days, kind in moves]
    with pytest.raises(ValueError, match=why):
        Lifecycle.model_validate({"rules": [{"id": "x", "prefix": "exports/", "transitions": transitions}]})


@pytest.mark.parametrize("spelling", [{"Filter": {}}, {}, {"Filter": {"Prefix": ""}, "Transitions": []}])
def test_how_a_server_spells_a_rule_is_no_drift(spelling: dict[str, Any]) -> None:
    class Server:
        """Answers with one rule."""

        def get_bucket_lifecycle_configuration(self, Bucket: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
            rule = {"ID": "lakeworks-x", "Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}
            return {"Rules": [{**rule, **spelling}]}

    wanted = {
        "ID": "lakeworks-x",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }
    assert LifecycleRules("b").read(Server()) == {"lakeworks-x": wanted}


def test_the_products_own_contracts_are_covered() -> None:
    prefixes = {rule["Filter"]["Prefix"] for rule in rules(None, *CONTRACTS).values()}
    assert any(contract.retention != Retention() for contract in CONTRACTS)
    for contract in CONTRACTS:
        retention = contract.retention
        if retention != Retention():
            assert {f"{contract.table.layer}/", f"{contract.table.path}/"} & prefixes, contract.name


def test_the_default_rules_pay_and_name_who_needs_archived_bronze() -> None:
    readers = {"bronze/transport/yellow_trips/": ["silver.transport.trips"]}
    refused, notes = judged(Lifecycle(), readers=readers)
    assert refused == {}
    assert "STANDARD -> GLACIER_IR at day 90" in notes
    assert "saves $" in notes
    assert "from day 365 bronze/ is in DEEP_ARCHIVE: a backfill of silver.transport.trips" in notes
    assert "up to 48 h, at $2.56 a TB" in notes


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"bronze": {"glacier_ir_after_days": 90, "expire_after_days": 100}}, "minimum duration"),
        ({"bronze": {"glacier_ir_after_days": 90, "deep_archive_after_days": 91, "expire_after_days": 93}}, "loses $"),
        ({"reads_per_month": {"bronze/": 1.5}}, "+ reads $"),
        ({"backfill_days": 730}, "lifecycle.backfill_days asks for 730 days"),
    ],
)
def test_a_rule_that_loses_money_or_strands_a_backfill_is_refused_with_the_sum(
    change: dict[str, Any], says: str
) -> None:
    evidence = {"readers": {"bronze/x/y/": ["silver.x.y"]}, "objects": {"bronze/": Objects(500, 50 * GIB)}}
    refused, _ = judged(Lifecycle.model_validate(change), **evidence)
    assert list(refused) == ["lakeworks-bronze-to-glacier"]
    assert says in refused["lakeworks-bronze-to-glacier"]
    allowed, notes = judged(Lifecycle.model_validate({**change, "losing_rules": "warn"}), **evidence)
    assert (allowed, says in notes) == ({}, True)


def test_a_region_without_prices_is_reported_and_backfills_are_still_reviewed() -> None:
    readers = {"bronze/x/y/": ["silver.x.y"]}
    refused, notes = judged(Lifecycle(), region="ap-south-1", readers=readers)
    assert refused == {}
    assert "has no prices for `ap-south-1` (LAKE_PRICE_BOOK names another)" in notes
    assert "restore of up to 48 h" in notes
    refused, _ = judged(Lifecycle(backfill_days=400), region="ap-south-1", readers=readers)
    assert list(refused) == ["lakeworks-bronze-to-glacier"]


def test_small_objects_are_counted_and_the_loss_of_moving_them_is_shown() -> None:
    small = Objects(10_000, 10_000 * 16 * 1024, 10_000, 10_000 * 16 * 1024)
    refused, notes = judged(Lifecycle(), objects={"silver/": small})
    assert refused == {}
    # a million of 16 KB: 15.26 GB at 0.023, or billed as 128 KB each, 122.07 GB at 0.004
    assert "10,000 of 10,000 objects are under 128 KB (mean 16 KB)" in notes
    assert "cost $0.35 a month in STANDARD and would cost $0.49 in GLACIER_IR" in notes


def test_a_refused_rule_is_not_written_and_one_that_exists_is_left(
    moto_url: str, bucket: str, planned: Callable[..., LakePlan]
) -> None:
    s3 = client("s3", moto_url)
    planned(moto_url, lifecycle={"reference": {"glacier_ir_after_days": 180}}).apply()
    for number in range(40):
        s3.put_object(Bucket=bucket, Key=f"reference/a/b/{number}.parquet", Body=b"x" * 200_000)
    losing = {
        "reference": {"glacier_ir_after_days": 180, "expire_after_days": 190},
        "landing": {"deep_archive_after_days": 1},
    }
    changes = planned(moto_url, lifecycle=losing).apply()
    refused = {change.name: change.detail for change in changes if change.outcome == "refused"}
    assert set(refused) == {"lakeworks-reference-to-glacier", "lakeworks-landing-to-glacier"}
    assert "40 objects of 195.3 KB for 10 days" in refused["lakeworks-reference-to-glacier"]
    kept = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    assert kept["lakeworks-reference-to-glacier"]["Transitions"] == [{"Days": 180, "StorageClass": "GLACIER_IR"}]
    assert "Expiration" not in kept["lakeworks-reference-to-glacier"]
    assert "lakeworks-landing-to-glacier" not in kept
    assert one(changes, "lifecycle").remarks


def test_what_every_run_of_another_table_reads_is_never_archived() -> None:
    """On day 366 `silver.commerce.customers`, which is built from all of bronze, could not be built any more."""
    archiving = {"glacier_ir_after_days": 90, "deep_archive_after_days": 365}
    late = contract_of("bronze.test.orders", retention=archiving)
    whole, plain = contract_of("bronze.test.bars"), contract_of("bronze.test.trips")
    built = contract_of(
        "silver.test.orders", late_data={"arrivals_from": late.name}, inputs={whole.name: {"whole": True}}
    )
    found = rules(None, late, whole, plain, built)
    classes = {
        name: [move["StorageClass"] for move in found[f"bronze.test.{name}-to-glacier"]["Transitions"]]
        for name in ("orders", "bars", "trips")
    }
    assert classes == {"orders": ["GLACIER_IR"], "bars": ["GLACIER_IR"], "trips": ["GLACIER_IR", "DEEP_ARCHIVE"]}
    assert archive_exceptions(Lifecycle(), [late, whole, plain, built]) == [
        f"bronze.test.{name} is not archived after 365 days: every run of silver.test.orders may read all of it"
        for name in ("orders", "bars")
    ]
