"""A file is judged by the contract on this machine: file, line, column and rule, before anything is sent."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from lakeworks.core.file_selection import LocalFile, select
from lakeworks.errors import ConfigError, ContractError, FileChanged, PartitionKeyError
from lakeworks.formats.options import FormatOptions
from lakeworks.loading.file_check import FileCheck, check_file
from lakeworks.loading.period_load import check_destination
from tests.conftest import contract_of
from tests.lakeworks.loading.conftest import till_contract


def checked(path: Path, body: str | bytes, name: str = "a.csv", **contract: Any) -> FileCheck:
    file = path / name
    file.write_bytes(body.encode() if isinstance(body, str) else body)
    return check_file(till_contract(**contract), LocalFile(file, name), FormatOptions())


def found(check: FileCheck) -> list[tuple[str, str, str, str]]:
    return [(item.place, item.column, item.rule, item.outcome) for item in check.findings]


def test_every_row_that_does_not_keep_the_contract_is_named_with_its_line(tmp_path: Path) -> None:
    check = checked(tmp_path, "id,amount,shop\n1,1.5,north\nx,1.5,north\n0,1.5,east\n,1.23456,south\n5,1,south\n")
    assert found(check) == [
        ("line 3", "id", "unfit_value", "refused"),
        ("line 5", "amount", "unfit_value", "refused"),
        ("line 4", "id", "id_minimum", "refused"),
        ("line 4", "shop", "shop_allowed", "refused"),
    ]
    assert (check.rows, check.is_refused) == (5, True)


def test_a_missing_value_of_a_required_column_is_named(tmp_path: Path) -> None:
    assert found(checked(tmp_path, '{"id": 1}\n{"shop": "north"}\n', "a.jsonl")) == [
        ("line 2", "id", "id_required", "refused")
    ]


def test_under_quarantine_unknown_rows_are_quarantined_and_the_file_can_be_loaded(tmp_path: Path) -> None:
    check = checked(tmp_path, "id,amount,shop\n1,1.5,north\nx,1.5,north\n", schema_policy="quarantine_unknown")
    assert (found(check), check.is_refused) == ([("line 3", "id", "unfit_value", "quarantined")], False)


def test_a_column_outside_the_contract_follows_the_policy(tmp_path: Path) -> None:
    body = "id,amount,shop,more\n1,1.5,north,x\n"
    assert (checked(tmp_path, body).findings, checked(tmp_path, body).drift) == ([], ("`more` is new (string)",))
    frozen = checked(tmp_path, body, schema_policy="freeze")
    assert found(frozen) == [("", "", "SchemaDrift", "refused")]
    assert "landing" not in frozen.findings[0].says, "nothing was sent, so nothing stays there"


@pytest.mark.parametrize(
    ("name", "body", "rule", "says"),
    [
        ("other.csv", "trip,fare\n1,2\n", "SchemaDrift", "Is it another table's file?"),
        ("semicolon.csv", "id;amount;shop\n1;2;north\n", "SchemaDrift", "Check `delimiter`"),
        ("empty.csv", "", "", ""),
        ("header.csv", "id,amount,shop\n", "empty", "has no rows"),
        ("cut.jsonl", '{"id": 1}\n{"id": ', "MalformedSource", "line 2"),
        ("page.json", "<html>", "MalformedSource", "cannot be read"),
        ("notes.docx", "x", "format", "is none of .csv"),
        ("cut.csv.gz", gzip.compress(b"id,amount,shop\n1,2,north\n" * 900, mtime=0)[:60], "", ""),
    ],
)
def test_a_file_that_is_none_of_the_tables_is_one_finding(
    tmp_path: Path, name: str, body: str | bytes, rule: str, says: str
) -> None:
    check = checked(tmp_path, body, name)
    assert (len(check.findings), check.is_refused) == (1, True)
    assert rule in check.findings[0].rule
    assert says in check.findings[0].says
    assert not any(word in check.findings[0].says for word in ("landing", "staged", "live data")), (
        "nothing was sent yet"
    )


def test_a_file_that_is_written_while_it_is_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,amount,shop\n1,1,north\n")

    def written_meanwhile(_: int) -> None:
        with file.open("a") as more:
            more.write("2,2,south\n")

    with pytest.raises(FileChanged, match="changed while it was read. Nothing was loaded"):
        check_file(till_contract(), LocalFile(file, "a.csv"), FormatOptions(), written_meanwhile)


@pytest.mark.parametrize(
    ("contract", "key", "error", "says"),
    [
        (
            till_contract(),
            "2026-01",
            PartitionKeyError,
            "`2026-01` is not a day, and `bronze.test.till` is partitioned by day.*like 2026-01-01",
        ),
        (till_contract(), "2026-01-05T03", PartitionKeyError, "is not a day, and"),
        (till_contract(), "yesterday", PartitionKeyError, "is not a partition key"),
        (till_contract(source="nyc_tlc.yellow"), "2026-01-05", ContractError, "its `source` is `nyc_tlc.yellow`"),
        (contract_of("silver.test.rows"), "2026-01-05", ContractError, "built from other tables"),
    ],
)
def test_a_table_or_period_that_takes_no_files_is_refused_in_words(
    contract: Any, key: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=f"(?s){says}"):
        check_destination(contract, key)


def test_a_folder_is_searched_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    for name in ("a.csv", "deep/er/b.csv", ".hidden.csv", ".git/c.csv", "_SUCCESS", "d.csv.part", "e.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    (tmp_path / "round").symlink_to(tmp_path)
    chosen = select([tmp_path], "*.csv*")
    assert [file.name for file in chosen.files] == ["a.csv", "deep__er__b.csv"]
    assert {item.path.name: item.why.partition(",")[0] for item in chosen.left_out} == {
        ".hidden.csv": "is hidden", "c.csv": "is hidden", "_SUCCESS": "is hidden", "d.csv.part": "has the ending of an unfinished file",
        "e.txt": "is none of the files `*.csv*`", "link.csv": "is a link", "round": "is a link",
    }  # fmt: skip


def test_two_files_of_one_name_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    for name in ("x/a.csv", "y/a.csv", "z/deep/a.csv", "z/deep__a.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    with pytest.raises(ConfigError, match="would both be `a.csv`"):
        select([tmp_path / "x", tmp_path / "y"])
    with pytest.raises(ConfigError, match="would both be `deep__a.csv`"):
        select([tmp_path / "z"])
    with pytest.raises(ConfigError, match="There is no file or folder"):
        select([tmp_path / "nowhere"])
    assert len(select([tmp_path / "x", tmp_path / "x/a.csv"]).files) == 1, "the same file named twice is one"
