"""Objects that are no table, on three S3 servers: what a key, a prefix or a person does wrong harms nothing."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from lakeworks.core.file_selection import LocalFile, select
from lakeworks.core.tenant import Tenant
from lakeworks.core.transfer_profile import TransferProfile
from lakeworks.errors import ConfigError, ScratchUnavailable
from lakeworks.objects.deletion import delete_objects
from lakeworks.objects.download import ObjectDownload, inside
from lakeworks.objects.key_range import KeyRange, refuse_lakes_own
from lakeworks.objects.listing import objects_of, versions_of
from lakeworks.objects.outcome import counts
from lakeworks.objects.tagging import parse_tags, read_tags, tag_objects
from lakeworks.objects.upload import upload_objects
from lakeworks.s3.object_store import ObjectStore
from lakeworks.s3.transfer_budget import within_budget
from tests.conftest import new_store


def unheard(_: int) -> None:
    """Take notice of nothing."""


def fetched(store: ObjectStore, prefix: str, folder: Path) -> dict[str, str]:
    keys = KeyRange(prefix)
    return {
        item.key: item.outcome
        for item in ObjectDownload(store, keys, folder, unheard).run(list(objects_of(store, keys)))
    }


def keys_of(store: ObjectStore, prefix: str) -> list[str]:
    return [item.key for item in objects_of(store, KeyRange(prefix))]


def test_a_prefix_means_a_folder_and_not_every_name_that_begins_so(any_store: ObjectStore) -> None:
    for key in ("ticks/AAPL", "ticks/AAPL/1.csv", "ticks/AAPL2/1.csv", "ticks/AAPL-old.csv"):
        any_store.put(key, b"x") if key != "ticks/AAPL" else None
    assert keys_of(any_store, "ticks/AAPL") == ["ticks/AAPL/1.csv"]
    assert keys_of(any_store, "ticks/AAPL/") == ["ticks/AAPL/1.csv"]
    assert keys_of(any_store, "ticks/AAPL*") == ["ticks/AAPL-old.csv", "ticks/AAPL/1.csv", "ticks/AAPL2/1.csv"]
    assert keys_of(any_store, "ticks/AAPL-old.csv") == ["ticks/AAPL-old.csv"]
    assert keys_of(any_store, "tick") == []


def test_versions_and_deletions_are_listed_and_deleted_apart(any_store: ObjectStore) -> None:
    first = any_store.put("docs/a.txt", b"one")
    second = any_store.put("docs/a.txt", b"two")
    any_store.put("docs/b.txt", b"b")
    assert next((i.key, i.version_id) for i in objects_of(any_store, KeyRange("docs"))) == (
        "docs/a.txt",
        second.version_id,
    )
    outcomes = list(delete_objects(any_store, KeyRange("docs/a.txt")))
    assert [(item.key, item.outcome) for item in outcomes] == [("docs/a.txt", "deleted")]
    assert keys_of(any_store, "docs") == ["docs/b.txt"]
    assert any_store.get("docs/a.txt", first.version_id)[0] == b"one", "versions stay"
    found = list(versions_of(any_store, KeyRange("docs/a.txt")))
    assert sorted((item.is_deletion, item.is_latest) for item in found) == [
        (False, False),
        (False, False),
        (True, True),
    ]
    gone = list(delete_objects(any_store, KeyRange("docs"), versions=True))
    assert counts(gone) == {"deleted": 4}
    assert list(versions_of(any_store, KeyRange("docs"))) == []


def test_deletion_goes_by_thousands_and_each_key_has_its_outcome(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.map(lambda number: store.put(f"many/{number:04}", b""), range(1203))
    sent: list[int] = []
    original = store.client.delete_objects

    def counted(**request: Any) -> Any:
        sent.append(len(request["Delete"]["Objects"]))
        answer = original(**request)
        done = answer["Deleted"].pop()
        answer["Errors"] = [{"Key": done["Key"], "Code": "AccessDenied", "Message": "no"}]
        return answer

    assert counts(delete_objects(store, KeyRange("many"), dry_run=True)) == {"would delete": 1203}
    assert len(keys_of(store, "many")) == 1203
    monkeypatch.setattr(store.client, "delete_objects", counted)
    outcomes = list(delete_objects(store, KeyRange("many")))
    assert (sent, counts(outcomes)) == ([1000, 203], {"deleted": 1201, "failed": 2})
    assert {item.why for item in outcomes if item.outcome == "failed"} == {"AccessDenied no"}


@pytest.mark.parametrize(
    "prefix",
    ["", "*", "_", "_ledger/", "_led*", "metadata/", "meta*", "landing/market/", "silver", "silver/market/prices/", "silv*",
     "bronze/x", "_staging/a", "_quarantine/", "/silver/", "in*", "inbox*", "i*"],
)  # fmt: skip
def test_what_the_lake_writes_is_refused_in_words(store: ObjectStore, prefix: str, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"(?s)belongs to the lake.*Nothing was deleted\. Commands for tables: withdraw"
    ):
        list(delete_objects(store, KeyRange(prefix), versions=True))
    with pytest.raises(ConfigError, match="Nothing was tagged"):
        list(tag_objects(store, KeyRange(prefix), {"a": "b"}))


def test_ones_own_prefixes_and_the_inbox_are_not_refused() -> None:
    for prefix in ("exports/2026/", "docs", "silverware/x", "inbox/till/2026-01-05/a.csv", "ledger/"):
        assert refuse_lakes_own(prefix, "deleted") is None


def test_a_folder_goes_there_and_back_and_nothing_is_sent_twice(any_store: ObjectStore, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for name, body in {"a.txt": "a", "deep/er/b ü#.pdf": "b", "empty": ""}.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(body)
    files = select([source], joined_by="/").files
    assert counts(upload_objects(any_store, files, "docs/", unheard)) == {"loaded": 3}
    assert keys_of(any_store, "docs") == ["docs/a.txt", "docs/deep/er/b ü#.pdf", "docs/empty"], "no `//` in a key"
    assert counts(upload_objects(any_store, files, "docs", unheard)) == {"same": 3}
    (source / "a.txt").write_text("A")
    assert counts(upload_objects(any_store, files, "docs", unheard)) == {"loaded": 1, "same": 2}
    assert set(fetched(any_store, "docs", target).values()) == {"loaded"}
    assert (target / "a.txt").read_text() == "A"
    assert sorted(path.name for path in target.rglob("*") if path.is_file()) == ["a.txt", "b ü#.pdf", "empty"]
    assert set(fetched(any_store, "docs", target).values()) == {"same"}
    (target / "a.txt").write_text("B")
    assert fetched(any_store, "docs", target)["docs/a.txt"] == "loaded"
    assert fetched(any_store, "docs/deep/er/b ü#.pdf", tmp_path / "one") == {"docs/deep/er/b ü#.pdf": "loaded"}
    assert (tmp_path / "one" / "b ü#.pdf").read_text() == "b"


@pytest.mark.parametrize(
    "name", ["../../evil", "a/../../evil", "..", ".", "", "a//b", "/etc/passwd", "a\\..\\evil", "a/"]
)
def test_no_key_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="names no file below a folder"):
        inside(tmp_path, name)


def test_a_key_that_climbs_is_refused_and_the_others_arrive(store: ObjectStore, tmp_path: Path) -> None:
    for key in ("docs/a.txt", "docs/folder/"):
        store.put(key, b"x")
    store.client.put_object(Bucket=store.bucket, Key="docs/../../evil", Body=b"evil")
    target = tmp_path / "deep" / "target"
    outcomes = fetched(store, "docs", target)
    assert outcomes["docs/a.txt"] == "loaded"
    assert outcomes["docs/folder/"] == "skipped"
    assert outcomes.get("docs/../../evil", "failed") == "failed", "one server takes the path apart itself"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.txt"]


def test_a_link_in_the_folder_leads_nowhere(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "target" / "sub").symlink_to(tmp_path / "outside")
    store.put("docs/sub/a.txt", b"x")
    assert fetched(store, "docs", tmp_path / "target") == {"docs/sub/a.txt": "failed"}
    assert list((tmp_path / "outside").iterdir()) == []


def large(url: str) -> ObjectStore:
    store = new_store(url)
    store.transfer = TransferProfile(4, 5 << 20, 6 << 20)
    return store


@pytest.mark.parametrize("server", ["ministack", "seaweed"])
def test_a_large_object_goes_in_parts_and_comes_in_ranges_of_one_version(
    request: pytest.FixtureRequest, server: str, tmp_path: Path
) -> None:
    store, body = large(request.getfixturevalue(f"{server}_url")), os.urandom(13 << 20)
    file = tmp_path / "big.bin"
    file.write_bytes(body)
    heard: list[int] = []
    assert counts(upload_objects(store, [LocalFile(file, "big.bin")], "docs", heard.append)) == {"loaded": 1}
    assert (sum(heard), len(heard)) == (13 << 20, 3)
    assert fetched(store, "docs", tmp_path / "back") == {"docs/big.bin": "loaded"}
    assert (tmp_path / "back" / "big.bin").read_bytes() == body


def test_large_files_go_one_by_one(store: ObjectStore) -> None:
    """Twenty files with twenty threads each queued for a pool of twenty."""
    store.transfer = TransferProfile(4, 10, 10)
    sizes, under_way, most = [5, 50, 5, 50, 50, 5], [0], [0]

    def transfer(size: int) -> int:
        under_way[0] += size > 10
        most[0] = max(most[0], under_way[0])
        time.sleep(0.02)
        under_way[0] -= size > 10
        return size

    assert within_budget(store, sizes, lambda size: size, transfer) == sizes
    assert most[0] == 1


def test_an_object_replaced_while_it_is_fetched_keeps_its_version(ministack_url: str, tmp_path: Path) -> None:
    store, body = large(ministack_url), os.urandom(13 << 20)
    store.put("docs/big.bin", body)
    replaced: list[bool] = []

    def replace_it(_: int) -> None:
        if not replaced:
            replaced.append(True)
            store.put("docs/big.bin", b"other")

    keys = KeyRange("docs")
    ObjectDownload(store, keys, tmp_path, replace_it).run(list(objects_of(store, keys)))
    assert (tmp_path / "big.bin").read_bytes() == body


def test_bytes_that_changed_on_the_way_are_not_kept(store: ObjectStore, tmp_path: Path) -> None:
    store.client.put_object(Bucket=store.bucket, Key="docs/a", Body=b"other", Metadata={"lakeworks-sha256": "0" * 64})
    keys = KeyRange("docs")
    (outcome,) = ObjectDownload(store, keys, tmp_path, unheard).run(list(objects_of(store, keys)))
    assert (outcome.outcome, "a wrong SHA-256" in outcome.why) == ("failed", True)
    assert list(tmp_path.iterdir()) == [], "no part file stays"


def test_a_full_disk_is_an_error_of_the_tree_and_leaves_no_part(
    store: ObjectStore, tmp_path: Path, full_disk: Path
) -> None:
    store.put("docs/a", b"x" * (3 << 20))
    keys = KeyRange("docs")
    with pytest.raises(ScratchUnavailable, match="cannot be written: No space left on device"):
        ObjectDownload(store, keys, full_disk, unheard).run(list(objects_of(store, keys)))
    assert list(full_disk.iterdir()) == []


def test_a_file_that_went_away_or_is_locked_stops_no_other(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    files = [LocalFile(tmp_path / name, name) for name in ("a.txt", "gone.txt")]
    outcomes = {item.key: item for item in upload_objects(store, files, "docs", unheard)}
    assert (outcomes["docs/a.txt"].outcome, outcomes["docs/gone.txt"].outcome) == ("loaded", "failed")
    assert "No such file" in outcomes["docs/gone.txt"].why


def test_tags_are_merged_and_limits_are_said_before_anything_is_sent(any_store: ObjectStore) -> None:
    for key in ("docs/a", "docs/b"):
        any_store.put(key, b"x")
    assert counts(tag_objects(any_store, KeyRange("docs"), {"team": "till", "tier": "1"})) == {"tagged": 2}
    assert counts(tag_objects(any_store, KeyRange("docs/a"), {"tier": "2"})) == {"tagged": 1}
    assert (read_tags(any_store, "docs/a"), read_tags(any_store, "docs/b")) == (
        {"team": "till", "tier": "2"}, {"team": "till", "tier": "1"},
    )  # fmt: skip
    assert counts(tag_objects(any_store, KeyRange("docs/a"), {"tier": "2"})) == {"same": 1}
    (full,) = tag_objects(any_store, KeyRange("docs/a"), {f"n{number}": "x" for number in range(9)})
    assert (full.outcome, "would have 11 tags, and S3 takes 10" in full.why) == ("failed", True)
    assert counts(tag_objects(any_store, KeyRange("docs/a"), {}, ["team"])) == {"tagged": 1}
    assert read_tags(any_store, "docs/a") == {"tier": "2"}


@pytest.mark.parametrize(
    ("pairs", "says"),
    [(["team"], "is no tag"), (["=x"], "is no tag"), (["a=" + "x" * 257], "too long"), (["x" * 129 + "=a"], "too long"),
     (["aws:a=b"], "S3 takes no tag"), (["a=b,c"], "S3 takes no tag"), (["a=b", "a=c"], "named twice")],
)  # fmt: skip
def test_tags_that_s3_does_not_take_are_refused(pairs: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){says}.*Nothing was changed"):
        parse_tags(pairs)


def test_a_tenant_sees_and_deletes_its_own_share_only(store: ObjectStore) -> None:
    acme = ObjectStore(store.client, store.bucket, 4, tenant=Tenant("acme"))
    for one in (store, acme):
        one.put("docs/a", b"x")
    assert [item.key for item in store.scan("docs/")] == ["docs/a", "docs/tenant=acme/a"]
    assert keys_of(acme, "docs/") == ["docs/a"]
    assert [item.outcome for item in delete_objects(acme, KeyRange("docs/"))] == ["deleted"]
    assert [item.key for item in store.scan("docs/")] == ["docs/a"]
    with pytest.raises(ConfigError, match="reaches outside tenant `acme`"):
        keys_of(acme, "")
