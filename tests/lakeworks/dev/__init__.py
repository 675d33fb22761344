"""Tests of include/lakeworks/changes."""
