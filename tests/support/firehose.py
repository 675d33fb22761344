"""A Firehose that does what its declared configuration says, as AWS documents it; the emulators neither pack nor delimit.

It reads the configuration back from an emulator, and the records from the Kinesis stream that it names.
"""

import gzip
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakeworks.streaming.aggregated import user_records

# Java's letters, as far as a prefix of ours uses them
_JAVA = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H"}


@dataclass(frozen=True)
class Firehose:
    """A delivery stream by name. `firehose` is an emulator's client, that knows what was declared."""

    firehose: Any
    kinesis: Any
    s3: Any
    name: str

    def deliver(self, records_a_file: int) -> list[str]:
        """Write every record of the stream as files, and return their keys. A second call writes all of them again."""
        described = self.firehose.describe_delivery_stream(DeliveryStreamName=self.name)["DeliveryStreamDescription"]
        there = described["Destinations"][0]["ExtendedS3DestinationDescription"]
        source = described["Source"]["KinesisStreamSourceDescription"]["KinesisStreamARN"].rpartition("/")[2]
        bucket, keys = there["BucketARN"].rpartition(":")[2], []
        for shard in self.kinesis.list_shards(StreamName=source)["Shards"]:
            records = list(self._records(source, shard["ShardId"]))
            for start in range(0, len(records), records_a_file):
                some = records[start : start + records_a_file]
                keys.append(self._key(there, described["VersionId"], some[0][0]))
                self.s3.put_object(Bucket=bucket, Key=keys[-1], Body=_body(there, [data for _, data in some]))
        return keys

    def _records(self, source: str, shard: str) -> Iterator[tuple[datetime, bytes]]:
        where = {"StreamName": source, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        iterator = self.kinesis.get_shard_iterator(**where)["ShardIterator"]
        while (answer := self.kinesis.get_records(ShardIterator=iterator))["Records"]:
            for record in answer["Records"]:
                moment = record["ApproximateArrivalTimestamp"].astimezone(UTC)
                yield from ((moment, data) for _, data in user_records(record["Data"]))
            iterator = answer["NextShardIterator"]

    def _key(self, there: dict[str, Any], version: str, first: datetime) -> str:
        def evaluated(match: re.Match[str]) -> str:
            return first.strftime(re.sub("yyyy|MM|dd|HH", lambda word: _JAVA[word[0]], match[1]))

        prefix = re.sub(r"!\{timestamp:([^}]+)\}", evaluated, there["Prefix"])
        return f"{prefix}{self.name}-{version}-{first:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}{there['FileExtension']}"


def _body(there: dict[str, Any], records: list[bytes]) -> bytes:
    delimiters = [
        parameter["ParameterValue"].encode().decode("unicode_escape").encode()
        for processor in there["ProcessingConfiguration"]["Processors"]
        if processor["Type"] == "AppendDelimiterToRecord"
        for parameter in processor["Parameters"]
    ]
    plain = b"".join(data + b"".join(delimiters) for data in records)
    return gzip.compress(plain) if there["CompressionFormat"] == "GZIP" else plain
