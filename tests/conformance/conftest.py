"""One Spark for all tests that need it: it takes ten seconds to start."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.spark_session import running_spark


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with running_spark(tmp_path_factory.mktemp("warehouse")) as session:
        yield session
