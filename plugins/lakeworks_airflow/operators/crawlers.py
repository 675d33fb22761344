"""Glue crawlers for tables of others: their files in S3 become readable without a contract."""

import logging
import time
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from lakeworks.catalog.crawler_scope import foreign_folder
from lakeworks.errors import LakeUnavailable
from lakeworks.infrastructure.bucket_names import check_crawler_name
from lakeworks.settings import current_settings
from lakeworks_airflow.look_trigger import STILL_RUNNING, LookTrigger
from lakeworks_airflow.operators.base import StepOperator

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.glue_crawler import GlueCrawlerHook
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class CrawlOperator(StepOperator):
    """Create or update a crawler over a folder of another owner's, run it, and wait without holding a worker.

    Folders that lakeworks writes are refused: contracts define their columns, and a crawler would overwrite them with guesses.

    :param crawler: name of the crawler in Glue, `lakeworks-<name>`. `lakeworks policy --for crawl` opens those in lake.yml. A
        name of another form is refused. (templated)
    :param path: `s3://` address of the folder. (templated)
    :param database: Glue database for the tables it finds. (templated)
    :param role: IAM role the crawler runs as. (templated)
    :param look_every: seconds between two looks at the crawler.
    :param timeout: seconds to wait for the crawl; then the task fails without a retry, and the crawler goes on in Glue.
    """

    template_fields = ("crawler", "path", "database", "role")

    def __init__(
        self,
        *,
        crawler: str,
        path: str,
        database: str,
        role: str,
        look_every: float = 30,
        timeout: float = 2 * 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.crawler = crawler
        self.path = path
        self.database = database
        self.role = role
        self.look_every = look_every
        self.timeout = timeout

    def step(self, context: "Context") -> None:
        """Start the crawl, or wait for one that is running already."""
        from lakeworks.aws_errors import translated

        check_crawler_name(self.crawler)
        self.path = foreign_folder(self.path, self.database, own_buckets())
        settings, hook = current_settings(), crawler_hook(current_settings().aws_conn_id, current_settings().region)
        with translated("start the crawler", self.crawler):
            self._start(hook)
        until = time.time() + self.timeout
        trigger = CrawlerTrigger(self.crawler, settings.aws_conn_id, settings.region, self.look_every, until)
        self.defer(trigger=trigger, method_name="crawled")

    def _start(self, hook: "GlueCrawlerHook") -> None:
        """Bring the crawler in line and start it; one that runs already is left alone."""
        running = hook.glue_client.exceptions.CrawlerRunningException
        try:
            if hook.has_crawler(self.crawler):
                hook.update_crawler(**self.config)
            else:
                hook.create_crawler(**self.config)
            hook.start_crawler(self.crawler)
        except running:
            log.info("crawler %s is running already: waiting for it", self.crawler)

    def crawled(self, context: "Context", event: dict[str, str]) -> dict[str, str]:
        """Return the crawl's outcome. A failed crawl follows the task's retries; a timeout does not."""
        if event["status"] == STILL_RUNNING:
            raise AirflowFailException(
                f"Crawler `{self.crawler}` over `{self.path}` still runs after {self.timeout:g} "
                f"seconds{event['message']}. It continues in Glue, and its tables appear at its end. Clear this task "
                f"to wait again (no second crawl starts), or stop it: aws glue stop-crawler --name {self.crawler}"
            )
        if event["status"] != "SUCCEEDED":
            raise LakeUnavailable(
                f"Crawler `{self.crawler}` over `{self.path}` ended {event['status']}: {event['message']}. Tables it found "
                "before stay as they were."
            )
        return event

    @property
    def config(self) -> dict[str, Any]:
        """Return the crawler's definition: it updates changed columns and only reports deleted tables."""
        return {
            "Name": self.crawler,
            "Role": self.role,
            "DatabaseName": self.database,
            "Targets": {"S3Targets": [{"Path": self.path}]},
            "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"},
        }


class CrawlerTrigger(LookTrigger):
    """Trigger that waits until a crawler is ready again. The provider's own trigger needs aiobotocore."""

    def __init__(self, crawler: str, aws_conn_id: str, region: str, look_every: float, until: float) -> None:
        super().__init__(look_every, until)
        self.crawler = crawler
        self.aws_conn_id = aws_conn_id
        self.region = region

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the trigger's class path and arguments."""
        arguments = {name: getattr(self, name) for name in ("crawler", "aws_conn_id", "region", "look_every", "until")}
        return f"{__name__}.CrawlerTrigger", arguments

    def connected(self) -> "GlueCrawlerHook":
        """Return the provider's hook."""
        return crawler_hook(self.aws_conn_id, self.region)

    def ended(self, connection: "GlueCrawlerHook") -> dict[str, str] | None:
        """Return the crawl's result; None while it runs."""
        from lakeworks.aws_errors import translated
        from lakeworks.catalog.responses import required_member

        with translated("look at the crawler", self.crawler):
            crawler = required_member(connection.glue_client.get_crawler(Name=self.crawler), "Crawler", self.crawler)
        if crawler["State"] != "READY":
            return None
        last = crawler.get("LastCrawl") or {}
        return self.event(last.get("Status", "UNKNOWN"), last.get("ErrorMessage", "no reason given"))

    def event(self, status: str, message: str) -> dict[str, str]:
        """Return an event of the crawl."""
        return {"crawler": self.crawler, "status": status, "message": message}


def own_buckets() -> set[str]:
    """Return the lake's bucket, the layers' own buckets, and the replica in another region if lake.yml has one."""
    from lakeworks.infrastructure.config import load_config

    config = load_config(current_settings().config_file)
    copy = config.replication.bucket if config.replication else None
    return {current_settings().bucket, *config.bucket_of_layer.values(), *([copy] if copy else [])}


def crawler_hook(aws_conn_id: str, region: str) -> "GlueCrawlerHook":
    """Return the provider's hook with the lake's connection."""
    from airflow.providers.amazon.aws.hooks.glue_crawler import GlueCrawlerHook

    return GlueCrawlerHook(aws_conn_id=aws_conn_id, region_name=region)  # type: ignore[no-untyped-call]
