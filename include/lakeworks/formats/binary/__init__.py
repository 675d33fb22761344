"""Binary formats: Avro, Excel, ORC, Parquet, and files stored unchanged."""
