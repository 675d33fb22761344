"""Binary formats: Avro, Excel, ORC, Parquet, and files that are kept as they are."""
