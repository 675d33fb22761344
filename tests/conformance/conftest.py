"""One Spark for all tests that need it: it takes ten seconds to start."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.spark_session import spark_or_skip


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with spark_or_skip(tmp_path_factory.mktemp("warehouse")) as session:
        yield session
