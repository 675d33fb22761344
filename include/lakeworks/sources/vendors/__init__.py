"""Clients of vendors, one module each: `connect(access)`, and `parse(request, response)` for an API."""
