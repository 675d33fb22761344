"""Rules for the partitions of a table, asked for many of them by one object."""

from lakeworks.contract.storability import PartitionRules, partition_fault
from lakeworks.core.partition import Partition
from tests.support.many_partitions import prices


def test_each_value_is_judged_by_itself_whatever_was_judged_before() -> None:
    contract = prices()
    paths = {
        "symbol=AA/year=2020/month=01/day=05": None,
        "symbol=AA/year=2020/month=13/day=05": "is not a valid time",
        "symbol=AA/year=1020/month=01/day=05": "lies outside",
        "symbol=BB/year=2020/month=01/day=05": None,
        "symbol=AA/year=2020/month=01": "does not have the partition keys of the table (symbol/year/month/day)",
        "symbol=AA/year=__HIVE_DEFAULT_PARTITION__/month=01/day=05": None,
    }
    rules = PartitionRules(contract)
    for path, expected in [*paths.items(), *reversed(paths.items())]:
        fault = rules.fault(Partition.parse(path))
        assert fault == partition_fault(contract, Partition.parse(path))
        assert (fault is None) if expected is None else str(fault).startswith(expected), path


def test_a_category_of_the_wrong_type_is_judged_beside_the_same_time() -> None:
    columns = {"symbol": {"type": "int", "required": True, "description": "Number."}}
    rules = PartitionRules(prices(columns=columns))
    right, wrong = (Partition.parse(f"symbol={value}/year=2020/month=01/day=05") for value in ("7", "seven"))
    assert [rules.fault(right), rules.fault(wrong), rules.fault(right)] == [
        None, "has a value of `symbol` that is no int", None,
    ]  # fmt: skip
