"""Reports of S3 about prefixes of the lake: request metrics and storage-class analysis."""
