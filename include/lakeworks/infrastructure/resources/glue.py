"""Glue databases, one per layer and domain, and crawlers for data without a contract."""

from dataclasses import dataclass
from typing import Any, ClassVar

from lakeworks.errors import LakeAccessDenied
from lakeworks.infrastructure.bucket_names import MADE_BY
from lakeworks.infrastructure.config import Crawler
from lakeworks.infrastructure.resource import Document, Resource


@dataclass(frozen=True)
class Database(Resource):
    """A database. Other settings of its owner are ignored."""

    kind: ClassVar[str] = "database"
    service: ClassVar[str] = "glue"

    def desired(self) -> Document:
        """Return that the database exists."""
        return {"Name": self.name}

    def read(self, client: Any) -> Document | None:
        """Return the database's name."""
        return {"Name": client.get_database(Name=self.name)["Database"]["Name"]}

    def write(self, client: Any, target: Document) -> None:
        """Create it. If another bootstrap was quicker, it is there.

        Raises:
            LakeAccessDenied: it exists, and Lake Formation hides it.
        """
        description = f"{MADE_BY}: {self.name.replace('_', ' ')}"
        try:
            client.create_database(DatabaseInput={**target, "Description": description})
        except client.exceptions.AlreadyExistsException:
            try:
                client.get_database(Name=self.name)
            except client.exceptions.EntityNotFoundException as error:
                raise LakeAccessDenied(
                    f"The database `{self.name}` exists, and Lake Formation hides it from these credentials. It was not "
                    "changed. Run the bootstrap as a data lake administrator (docs/lake-formation.md)."
                ) from error


@dataclass(frozen=True)
class GlueCrawler(Resource):
    """A crawler. It reports missing data and never deletes entries."""

    kind: ClassVar[str] = "crawler"
    service: ClassVar[str] = "glue"
    crawler: Crawler | None = None
    bucket: str = ""

    def desired(self) -> Document:
        """Return the crawler's definition."""
        crawler = self._crawler
        definition: Document = {
            "Role": crawler.role_arn, "DatabaseName": crawler.database, "Path": f"s3://{self.bucket}/{crawler.prefix}",
            "Description": MADE_BY,
        }  # fmt: skip
        return {**definition, "Schedule": crawler.schedule} if crawler.schedule else definition

    def read(self, client: Any) -> Document | None:
        """Return the fields that lakeworks sets."""
        crawler = client.get_crawler(Name=self.name)["Crawler"]
        paths = [target["Path"] for target in crawler["Targets"].get("S3Targets", [])]
        schedule = crawler.get("Schedule", {}).get("ScheduleExpression")
        definition = {
            "Role": crawler["Role"], "DatabaseName": crawler.get("DatabaseName", ""), "Path": ", ".join(paths),
            "Description": crawler.get("Description", ""), "Schedule": schedule,
        }  # fmt: skip
        return {key: value for key, value in definition.items() if value is not None}

    def conflict(self, current: Document) -> str:
        """Refuse a crawler of that name without our mark: it may be another program's."""
        return "" if current["Description"] == MADE_BY else "a crawler of this name exists that bootstrap did not make"

    def write(self, client: Any, target: Document) -> None:
        """Create or update it."""
        definition = {
            "Name": self.name, "Role": target["Role"], "DatabaseName": target["DatabaseName"], "Description": MADE_BY,
            "Targets": {"S3Targets": [{"Path": target["Path"]}]},
            "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"},
        }  # fmt: skip
        schedule = {"Schedule": target["Schedule"]} if "Schedule" in target else {}
        try:
            client.create_crawler(**definition, **schedule)
        except client.exceptions.AlreadyExistsException:
            client.update_crawler(**definition, **(schedule or {"Schedule": ""}))  # an empty one removes it

    @property
    def _crawler(self) -> Crawler:
        assert self.crawler is not None  # noqa: S101 - dataclass inheritance forces a default
        return self.crawler
