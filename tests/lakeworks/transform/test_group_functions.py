"""Group functions are found by module name; a broken module says what is wrong with it."""

from importlib import import_module
from pathlib import Path

import pytest

from lakeworks.contract import load_contract
from lakeworks.errors import ContractError
from lakeworks.transform.group_functions import has_function, load_function, read_function


def test_a_table_with_a_function_and_one_without() -> None:
    found = load_function(load_contract("gold.market.technical_indicators"))
    assert found is not None
    assert found.group_by == ("symbol",)
    assert not has_function(load_contract("gold.market.daily_returns"))
    assert load_function(load_contract("gold.market.daily_returns")) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nowhere_to_be_found", "does not import .ModuleNotFoundError"),
        ("def transform(rows", "does not import .SyntaxError"),
        ("def transform(rows): return rows", "needs `GROUP_BY` and `transform`.*GROUP_BY"),
        ("GROUP_BY = ('a',)", "needs `GROUP_BY` and `transform`.*transform"),
    ],
)
def test_a_broken_module_is_a_broken_contract(
    text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ContractError, match=says):
        read_function(name, import_module)
