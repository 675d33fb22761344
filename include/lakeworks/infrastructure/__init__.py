"""Infrastructure as it should be (`lake.yml`), as it is, and the way from one to the other.

A module a kind of resource; `engine` plans, applies and reads back; `declared` lists what a lake.yml asks for.
"""
