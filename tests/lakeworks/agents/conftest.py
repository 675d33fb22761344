"""A filled shop's lake, and an MCP client of `lakeworks mcp` over standard input and output."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from lakeworks.lake import Lake
from lakeworks.ledger.run_record import Run
from tests.lakeworks.cli.test_cli import settings_for
from tests.support.shop_lake import fill_shop, write_shop


@dataclass
class Assistant:
    """A client that starts the server for each conversation."""

    environment: dict[str, str]

    def ask(self, *questions: tuple[str, dict[str, Any]], options: tuple[str, ...] = ()) -> list[Any]:
        """Return the answers: parsed JSON, or the text of an error."""
        return asyncio.run(self._ask(questions, options))

    def tools(self) -> dict[str, Any]:
        async def listed() -> dict[str, Any]:
            async with Client(self._server(())) as client:
                return {tool.name: tool for tool in (await client.list_tools()).tools}

        return asyncio.run(listed())

    async def _ask(self, questions: tuple[tuple[str, dict[str, Any]], ...], options: tuple[str, ...]) -> list[Any]:
        answers = []
        async with Client(self._server(options)) as client:
            for tool, arguments in questions:
                result: Any = await client.call_tool(tool, arguments)
                text = result.content[0].text
                answers.append(text if result.is_error else json.loads(text))
        return answers

    def _server(self, options: tuple[str, ...]) -> StdioServerParameters:
        program = str(Path(sys.executable).parent / "lakeworks")
        return StdioServerParameters(command=program, args=["mcp", *options], env=self.environment)


@pytest.fixture
def shop_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = write_shop(tmp_path / "shop")
    monkeypatch.setenv("LAKE_PROJECT", str(root))
    return root


@pytest.fixture
def shop(lake: Lake, shop_project: Path, run_at: Callable[..., Run]) -> Lake:
    fill_shop(lake, run_at)
    return lake


@pytest.fixture
def assistant(shop: Lake, moto_url: str, shop_project: Path) -> Assistant:
    settings = {"LAKE_PROJECT": str(shop_project), "LAKE_ENV_FILE": "off", "AWS_DEFAULT_REGION": "us-east-1"}
    return Assistant({**settings_for(shop, moto_url), **settings, "LAKE_PII_SALT": "sixteen-characters-of-salt"})
