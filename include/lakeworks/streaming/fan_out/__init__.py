"""Enhanced fan-out: Kinesis pushes a shard's records to a registered consumer, which has 2 MiB a second of its own."""
