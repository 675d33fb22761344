"""A person's files, from this machine to what readers find: nothing is lost, nothing is doubled."""

from decimal import Decimal

from tests.lakeworks.loading.conftest import Till


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
