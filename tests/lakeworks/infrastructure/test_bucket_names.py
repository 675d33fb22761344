"""Bucket names: S3's rules, and ours for making one."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lakeworks.errors import ConfigError
from lakeworks.infrastructure.bucket_names import bucket_name, check_bucket_name

WORD = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "UPPER",
        "under_score",
        "-dash",
        "dot..dot",
        "192.168.0.1",
        "a" * 64,
        "xn--a",
        "a-s3alias",
        "line\nfeed",
        "",
    ],
)
def test_a_wrong_name_is_refused_before_anything_is_made(name: str) -> None:
    with pytest.raises(ConfigError, match=r"is not a bucket name.*Nothing was created"):
        check_bucket_name(name)


def test_a_made_name_follows_the_convention() -> None:
    assert bucket_name("acme", "prod", "logs", "7f3a") == "acme-prod-logs-7f3a"


def test_without_a_unique_part_there_is_no_name() -> None:
    with pytest.raises(ConfigError, match=r"Set `unique` in lake.yml"):
        bucket_name("acme", "prod", "logs", None)


def test_a_name_too_long_says_which_parts_to_shorten() -> None:
    with pytest.raises(ConfigError, match=r"3 to 63 characters.*`project`, `environment` or `unique`"):
        bucket_name("a" * 30, "b" * 30, "logs", "c" * 8)


@given(project=WORD, environment=WORD, unique=WORD)
def test_every_made_name_is_one_s3_takes(project: str, environment: str, unique: str) -> None:
    assume(not f"{project}-".startswith(("xn--", "sthree-", "amzn-s3-demo-")))
    name = bucket_name(project, environment, "logs", unique)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", name)
