"""Glue crawlers, for tables that are not ours: what others put into S3 becomes readable without a contract."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from lakeworks.errors import ConfigError, LakeUnavailable
from lakeworks.names import LAYERS
from lakeworks.settings import settings

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.glue_crawler import GlueCrawlerHook
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class CrawlOperator(BaseOperator):
    """Create or update a crawler over a folder of somebody else's, run it, and wait without holding a worker.

    Our own tables are refused: their columns come from contracts, and a crawler would overwrite them with guesses.

    :param crawler: name of the crawler. (templated)
    :param path: `s3://` address of the folder. (templated)
    :param database: Glue database for the tables it finds. (templated)
    :param role: IAM role the crawler runs as. (templated)
    :param look_every: seconds between two looks at the crawler.
    """

    template_fields = ("crawler", "path", "database", "role")

    def __init__(
        self, *, crawler: str, path: str, database: str, role: str, look_every: float = 30, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.crawler = crawler
        self.path = path
        self.database = database
        self.role = role
        self.look_every = look_every

    def execute(self, context: "Context") -> None:
        """Start the crawl; one that is running already is waited for."""
        try:
            refuse_our_own(self.path, self.database, settings().bucket)
        except ConfigError as error:
            raise AirflowFailException(str(error)) from error
        found, hook = settings(), crawler_hook(settings().aws_conn_id, settings().region)
        running = hook.glue_client.exceptions.CrawlerRunningException
        try:
            if hook.has_crawler(self.crawler):
                hook.update_crawler(**self.config)
            else:
                hook.create_crawler(**self.config)
            hook.start_crawler(self.crawler)
        except running:
            log.info("crawler %s is running already: waiting for it", self.crawler)
        trigger = CrawlerTrigger(self.crawler, found.aws_conn_id, found.region, self.look_every)
        self.defer(trigger=trigger, method_name="crawled")

    def crawled(self, context: "Context", event: dict[str, str]) -> dict[str, str]:
        """Return the crawl's outcome; a failed one follows the task's retries."""
        if event["status"] != "SUCCEEDED":
            raise LakeUnavailable(
                f"Crawler `{self.crawler}` over `{self.path}` ended {event['status']}: {event['message']}. Tables it found "
                "before stay as they were."
            )
        return event

    @property
    def config(self) -> dict[str, Any]:
        """The crawler's definition: it follows changed columns and only reports tables that are gone."""
        return {
            "Name": self.crawler,
            "Role": self.role,
            "DatabaseName": self.database,
            "Targets": {"S3Targets": [{"Path": self.path}]},
            "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"},
        }


class CrawlerTrigger(BaseTrigger):
    """Waits until a crawler is ready again.

    The provider's own trigger needs aiobotocore, which the product does without: a look takes milliseconds in a thread.
    """

    def __init__(self, crawler: str, aws_conn_id: str, region: str, look_every: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.crawler = crawler
        self.aws_conn_id = aws_conn_id
        self.region = region
        self.look_every = look_every

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the trigger travels to the triggerer."""
        arguments = {name: getattr(self, name) for name in ("crawler", "aws_conn_id", "region", "look_every")}
        return f"{__name__}.CrawlerTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, with the status of the crawl that ended."""
        hook = await asyncio.to_thread(crawler_hook, self.aws_conn_id, self.region)
        while (found := await asyncio.to_thread(hook.get_crawler, self.crawler))["State"] != "READY":
            await asyncio.sleep(self.look_every)
        last = found.get("LastCrawl") or {}
        message = last.get("ErrorMessage", "no reason given")
        event = {"crawler": self.crawler, "status": last.get("Status", "UNKNOWN"), "message": message}
        yield TriggerEvent(event)  # type: ignore[no-untyped-call]


def refuse_our_own(path: str, database: str, bucket: str) -> None:
    """Raise if a crawler would touch the lake's own tables.

    Raises:
        ConfigError: the folder or the database is ours; nothing was started.
    """
    where, _, key = path.removeprefix("s3://").partition("/")
    top = key.partition("/")[0]
    if where == bucket and (not top or top.startswith("_") or top in LAYERS):
        raise ConfigError(
            f"`{path}` holds tables of this lake: a crawler would overwrite what their contracts say. Nothing was started. "
            "Name a folder that lakeworks does not write, or query the table as it is."
        )
    if database.partition("_")[0] in LAYERS:
        raise ConfigError(
            f"The Glue database `{database}` is for tables of this lake (<layer>_<domain>). Nothing was started. Name another."
        )


def crawler_hook(aws_conn_id: str, region: str) -> "GlueCrawlerHook":
    """The provider's hook, with the lake's connection."""
    from airflow.providers.amazon.aws.hooks.glue_crawler import GlueCrawlerHook

    return GlueCrawlerHook(aws_conn_id=aws_conn_id, region_name=region)  # type: ignore[no-untyped-call]
