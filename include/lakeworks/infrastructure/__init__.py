"""Infrastructure: the desired state (`lake.yml`), the current state, and the changes between them.

A module a kind of resource; `engine` plans, applies and reads back; `declared` lists what a lake.yml asks for.
"""
