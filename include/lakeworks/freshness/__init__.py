"""Tables that are older than their contract promises, and the alerts about them."""
