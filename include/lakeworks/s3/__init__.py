"""S3 clients: conditional writes, multipart uploads, listings."""
