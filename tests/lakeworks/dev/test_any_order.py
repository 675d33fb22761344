"""Dev lakes and live runs in any order: a promotion brings its rows, or changes nothing and says why."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeworks.dev.opening import DevRequest, open_dev_lake, refresh
from lakeworks.dev.promotion import promote
from lakeworks.errors import PromotionRefused
from tests.support.memory_s3 import memory_lake
from tests.support.shop_project import DAYS, Shop, write_shop

NAMES = ("one", "two")
STEPS = st.sampled_from([
    *((act, name) for act in ("start", "build", "promote", "refresh") for name in NAMES), ("arrive", ""), ("live_run", ""),
])  # fmt: skip
DAY = DAYS[0]


@contextmanager
def opened_shop() -> Iterator[Shop]:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        root = Path(folder)
        patch.setenv("LAKE_PROJECT", str(root / "project"))
        (root / "project").mkdir()
        # A live run here begins after every promotion, which takes the present time; others are fenced.
        shop = Shop(memory_lake(root), write_shop(root / "project"), began=datetime(2100, 1, 1, tzinfo=UTC))
        shop.contracts()
        shop.arrive(DAY, ["10.00"])
        shop.build_all([DAY])
        shop.double()
        yield shop


class Story:
    """A lake with two dev lakes, and what has happened."""

    def __init__(self, shop: Shop, *, follow: bool) -> None:
        self.shop, self.follow = shop, follow
        self.received, self.built, self.there = Decimal("10.00"), dict[str, Decimal](), set[str]()

    def arrive(self, _: str) -> None:
        self.received += 1
        self.shop.arrive(DAY, [str(self.received)])

    def live_run(self, _: str) -> None:
        self.shop.build_all([DAY])
        assert self.shop.revenue() == {"2024-01-05": 2 * self.received}

    def start(self, name: str) -> None:
        if name not in self.there:
            open_dev_lake(self.shop.lake, self.shop.contracts(), DevRequest(name, follow=self.follow))
        self.there.add(name)

    def build(self, name: str) -> None:
        if name in self.there:
            dev = self.shop.lake.for_dev(name)
            self.shop.build_all([DAY], dev)
            self.built[name] = self.shop.revenue(dev)["2024-01-05"]

    def refresh(self, name: str) -> None:
        if name in self.there:
            refresh(self.shop.lake, self.shop.contracts(), name)

    def promote(self, name: str) -> None:
        before = self.shop.revenue()
        try:
            if name not in self.there or not promote(self.shop.lake, name, self.shop.contracts()):
                return
        except PromotionRefused:
            assert self.shop.revenue() == before
            return
        assert self.shop.revenue() == {"2024-01-05": self.built[name]}
        assert self.shop.revenue() == before or self.built[name] == 2 * self.received, (
            "rows of older orders became live"
        )


@settings(max_examples=8)
@given(st.lists(STEPS, min_size=4, max_size=9), st.booleans())
def test_live_never_goes_back_and_nothing_is_half_promoted(steps: list[tuple[str, str]], follow: bool) -> None:
    with opened_shop() as shop:
        story = Story(shop, follow=follow)
        for act, name in steps:
            before = shop.revenue()
            getattr(story, act)(name)
            if act not in ("promote", "live_run"):
                assert shop.revenue() == before, (act, name)
