"""A person's files, from this machine to what readers find: nothing is lost, nothing is doubled."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pyarrow as pa
import pytest
from botocore.config import Config

from lakeworks.core.file_selection import select
from lakeworks.core.partition import Period
from lakeworks.core.transfer_profile import TransferProfile
from lakeworks.errors import DeliveryShrank, FileChanged, FileRefused, LakeAccessDenied, PartitionKeyError
from lakeworks.landing import forgetting
from lakeworks.landing.forgetting import forget
from lakeworks.landing.inbox import LakeInbox
from lakeworks.landing.reader import newest_set
from lakeworks.loading import load_rows
from lakeworks.loading.inbox_drop import drop_files
from lakeworks.loading.period_load import Progress, check_destination, check_files, load_files, preview
from lakeworks.pipeline.downstream_rebuild import rebuild
from lakeworks.pipeline.fetch_step import land
from lakeworks.s3.object_store import ObjectStore
from lakeworks.sources.files.file_drop import FileDrop
from tests.conftest import new_store
from tests.lakeworks.loading.conftest import DAY, Till, till_contract


def test_a_file_is_published_by_one_call(till: Till) -> None:
    till.write(a__csv="id,amount,shop\n1,12.5000,north\n2,0.0001,south\n")
    report = till.load()
    assert (report.counts, report.record and report.record.outcome) == ({"loaded": 1}, {"published": 1})
    assert till.rows() == [
        {"id": 1, "amount": Decimal("12.5000"), "shop": "north"},
        {"id": 2, "amount": Decimal("0.0001"), "shop": "south"},
    ]


def test_the_same_files_change_nothing_and_a_corrected_one_takes_its_place(till: Till) -> None:
    till.write(a__csv="id\n1\n2\n", b__csv="id\n3\n")
    till.load()
    again = till.load()
    assert (again.counts, again.record and again.record.outcome) == ({"same": 2}, {"unchanged": 1})
    till.write(a__csv="id\n1\n7\n")
    assert till.load(till.folder / "a.csv").counts == {"loaded": 1}
    assert till.ids() == [1, 3, 7], "the file that was not named stays"


def test_a_load_that_ends_beside_another_loses_nothing_of_either(till: Till) -> None:
    """Both had started from the same files: the set of the one that began later hid the other's, for good."""
    till.write(a__csv="id\n1\n", b__csv="id\n2\n", c__csv="id\n3\n")
    till.load(till.folder / "a.csv")
    began: list[bool] = []

    def meanwhile(_: int) -> None:
        if not began:
            began.append(True)
            till.load(till.folder / "c.csv")

    report = till.load(till.folder / "b.csv", heard=Progress(sent=meanwhile))
    assert (report.counts, till.ids()) == ({"loaded": 1}, [1, 2, 3])


def test_a_fetch_of_the_inbox_beside_a_load_loses_nothing_of_either(till: Till) -> None:
    till.write(a__csv="id\n1\n", b__csv="id\n2\n")
    till.lake.store.put(f"inbox/till/{DAY}/dropped.csv", b"id\n9\n")
    inbox = LakeInbox(till.lake.store)
    began: list[bool] = []

    class SlowInbox(LakeInbox):
        def download(self, folder: str, name: str, version: str, path: Path) -> None:
            if not began:
                began.append(True)
                till.load(till.folder / "b.csv")
            super().download(folder, name, version, path)

    land(till.lake, till.contract, DAY, till.run(), FileDrop(SlowInbox(inbox.store)))
    rebuild(till.lake, till.contract.name, DAY, till.run())
    assert till.ids() == [2, 9]
    till.load(till.folder / "a.csv")
    land(till.lake, till.contract, DAY, till.run(), FileDrop(inbox))
    rebuild(till.lake, till.contract.name, DAY, till.run())
    assert till.ids() == [1, 2, 9], "a later look into the inbox keeps what was loaded"


@pytest.mark.parametrize("at", ["landing", "landed", "publishing"])
def test_a_load_that_was_killed_is_run_again_and_nothing_is_lost_or_doubled(
    till: Till, moto_url: str, tmp_path: Path, at: str
) -> None:
    till.write(**{f"f{number}__csv": f"id\n{number}\n" for number in range(1, 7)})
    killed = subprocess.run(
        [sys.executable, "-m", "tests.lakeworks.loading.killed_load", at, moto_url, till.lake.store.bucket, str(till.folder), str(till.lake.scratch)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert till.ids() == [], "readers saw nothing of it"
    put: list[str] = []
    till.lake.store.client.meta.events.register(
        "provide-client-params.s3.PutObject", lambda params, **_: put.append(params["Key"])
    )
    report = till.load()
    assert (report.failed, till.ids()) == (False, [1, 2, 3, 4, 5, 6])
    sent = [key for key in put if "/fetch=" in key and key.endswith(".csv")]
    assert len(sent) == {"landing": 4, "landed": 0, "publishing": 0}[at], "what was landed is not sent again"


def test_one_refused_file_stops_all_unless_the_others_may_go(till: Till) -> None:
    till.write(a__csv="id\n1\n", b__csv="id\nx\n")
    with pytest.raises(FileRefused, match=r"(?s)1 of 2 files.*`b\.csv`: line 2 `id` does not fit.*Nothing was loaded"):
        till.load()
    assert ([*till.lake.store.scan("landing/")], till.ids()) == ([], [])
    report = drop_files(
        till.lake, till.contract, DAY, check_files(till.contract, select([till.folder])), keep_going=True
    )
    assert (report.counts, report.failed) == ({"loaded": 1, "failed": 1}, True)
    assert [item.key for item in till.lake.store.scan("inbox/")] == [f"inbox/till/{DAY}/a.csv"]


def test_a_file_that_shrank_is_refused_and_what_was_there_stays(till: Till) -> None:
    till.write(a__csv="id\n1\n2\n3\n")
    before = till.land()
    till.write(a__csv="id\n9\n")
    with pytest.raises(
        DeliveryShrank, match=r"(?s)has 1 rows; the file landed earlier as `a\.csv` had 3\. Nothing was"
    ):
        till.load()
    assert newest_set(till.lake, till.contract, DAY) == before


def test_a_file_written_between_the_look_and_the_upload_is_not_stored(till: Till) -> None:
    till.write(a__csv="id\n1\n")
    checks = check_files(till.contract, select([till.folder]))
    till.write(a__csv="id\n2\n")
    with pytest.raises(FileChanged, match="changed while it was read. It was not stored"):
        load_files(till.lake, till.contract, DAY, checks)
    assert till.ids() == []


def test_wrong_credentials_are_one_error_and_not_one_a_file(till: Till, seaweed_url: str) -> None:
    store = new_store(seaweed_url)
    s3 = boto3.client(
        "s3", endpoint_url=seaweed_url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="wrong",
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    lake = replace(till.lake, store=ObjectStore(s3, store.bucket, threads=2))
    till.write(a__csv="id\n1\n", b__csv="id\n2\n")
    checks = check_files(till.contract, select([till.folder]))
    for act in (load_files, drop_files):
        with pytest.raises(LakeAccessDenied, match="Check the credentials"):
            act(lake, till.contract, DAY, checks)
    assert [*store.scan("")] == []


def test_a_drop_only_fills_the_inbox_and_is_not_sent_twice(till: Till) -> None:
    till.write(a__csv="id\n1\n", b__csv="id\n2\n")
    checks = check_files(till.contract, select([till.folder]))
    report = drop_files(till.lake, till.contract, DAY, checks)
    assert (report.counts, report.inbox) == ({"loaded": 2}, till.lake.store.uri(f"inbox/till/{DAY}/"))
    assert drop_files(till.lake, till.contract, DAY, checks).counts == {"same": 2}
    assert till.ids() == []
    land(till.lake, till.contract, DAY, till.run(), FileDrop(LakeInbox(till.lake.store)))
    rebuild(till.lake, till.contract.name, DAY, till.run())
    assert till.ids() == [1, 2]
    assert preview(till.lake, till.contract, DAY, checks).counts == {"same": 2}
    assert till.load().counts == {"same": 2}


def test_files_of_any_size_have_one_budget_of_requests(till: Till) -> None:
    till.lake.store.transfer = TransferProfile(3, 5 << 20, 6 << 20)
    till.lake.store.threads = 3
    till.write(**{f"f{n}__csv": f"id\n{n}\n" for n in range(1, 13)})
    (till.folder / "big.csv").write_text("id,shop\n" + f"{'7' * 15},{'north'}\n" * 600_000)
    under_way, most = [0], [0]
    lock = threading.Lock()

    def begin(**_: object) -> None:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])

    def end(**_: object) -> None:
        with lock:
            under_way[0] -= 1

    events = till.lake.store.client.meta.events
    for name in ("PutObject", "UploadPart"):
        events.register(f"before-call.s3.{name}", begin)
        events.register(f"after-call.s3.{name}", end)
    heard: list[int] = []
    till.land(sent=heard.append)
    assert 1 < most[0] <= 3
    assert sum(heard) == sum(path.stat().st_size for path in till.folder.iterdir())


@pytest.mark.parametrize("kind", ["pandas", "arrow", "reader", "dictionaries"])
def test_rows_of_python_are_loaded_to_the_last_digit(till: Till, kind: str) -> None:
    rows = [
        {"id": 9007199254740993, "amount": Decimal("1234567890123456.0001"), "shop": "north"},
        {"id": 2, "amount": None, "shop": None},
    ]
    table = pa.Table.from_pylist(rows)
    given = {"pandas": pd.DataFrame({"id": [r["id"] for r in rows], "amount": [r["amount"] for r in rows], "shop": [r["shop"] for r in rows]}, index=[7, 9]),
             "arrow": table, "reader": table.to_reader(), "dictionaries": iter(rows)}[kind]  # fmt: skip
    report = load_rows(till.contract.name, str(DAY), given, lake=till.lake)
    assert (report.counts, till.rows()) == ({"loaded": 1}, sorted(rows, key=lambda row: int(str(row["id"]))))


def test_a_month_and_its_days_are_not_mixed(till: Till) -> None:
    """Where rows find their day by a column, a month may be loaded as a whole, but not beside days of it."""
    columns = {"id": {"type": "bigint", "description": ""}, "at": {"type": "timestamp", "description": ""}}
    till.contract = till_contract(columns=columns, partition_by=["day(at)"])
    till.write(a__csv="id,at\n1,2026-01-06T10:00:00\n2,2026-01-07T10:00:00\n")
    month, checks = check_destination(till.contract, "2026-01"), check_files(till.contract, select([till.folder]))
    report = load_files(till.lake, till.contract, month, checks)
    assert (report.record and report.record.outcome) == {"published": 2}
    for key in ("2026-01-06", "2026-01-09"):
        with pytest.raises(PartitionKeyError, match=r"files of 2026-01 are landed already.*Nothing was loaded"):
            load_files(till.lake, till.contract, check_destination(till.contract, key), checks)
    february = Period.parse("2026-02-03")
    till.write(a__csv="id,at\n3,2026-02-03T10:00:00\n")
    checks = check_files(till.contract, select([till.folder]))
    load_files(till.lake, till.contract, february, checks)
    with pytest.raises(PartitionKeyError, match="files of 2026-02-03 are landed already"):
        drop_files(till.lake, till.contract, Period.parse("2026-02"), checks)


def test_a_file_forgotten_beside_a_load_stays_forgotten_and_the_loaded_one_stays(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.write(a__csv="id\n1\n", b__csv="id\n2\n", c__csv="id\n3\n", d__csv="id\n4\n")

    def landed() -> list[str]:
        return sorted(item.request for item in newest_set(till.lake, till.contract, DAY).answers)

    till.land("a.csv", "b.csv")
    began: list[bool] = []

    def once(act: Callable[[], object]) -> None:
        if not began:
            began.append(True)
            act()

    till.land("c.csv", sent=lambda _: once(lambda: forget(till.lake, till.contract, DAY, ["a.csv"])))
    assert landed() == ["b.csv", "c.csv"], "the load ended later"
    began.clear()
    original = forgetting.finish

    def finish(*arguments: Any) -> Any:
        once(lambda: till.land("d.csv"))
        return original(*arguments)

    monkeypatch.setattr(forgetting, "finish", finish)
    forget(till.lake, till.contract, DAY, ["b.csv"])
    assert landed() == ["c.csv", "d.csv"], "the forgetting ended later"
