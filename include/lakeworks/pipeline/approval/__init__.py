"""Approval between audit and publication: the contract's judgement of staged rows, and the gate before they are live."""
