"""The HTTP client that vendors' clients share: budget, retry, deadline, paging, secrets."""
