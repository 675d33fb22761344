"""The dev lake of a pull request is named by CI, else by Git."""

import subprocess
from pathlib import Path

import pytest

from lakeworks.dev.pull_request import branch_name
from lakeworks.errors import ConfigError


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"GITHUB_HEAD_REF": "feature/Fix_42", "GITHUB_REF_NAME": "7/merge"}, "feature-fix-42"),
        ({"GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "main"}, "main"),
        ({"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix", "CI_COMMIT_REF_NAME": "refs"}, "fix"),
    ],
)
def test_ci_names_the_branch(environment: dict[str, str], name: str) -> None:
    assert branch_name(environment) == name


def test_git_names_it_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No branch is checked out"):
        branch_name({}, tmp_path)
    commands = [
        ["init", "-q", "-b", "topic"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "m"],
    ]
    for command in commands:
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert branch_name({}, tmp_path) == "topic"
