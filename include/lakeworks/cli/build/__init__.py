"""Commands of the panel "Build": contracts and documentation."""
