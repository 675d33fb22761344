"""Engines that turn upstream rows into candidate rows; none of them publishes."""
