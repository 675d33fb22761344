"""Sections of lake.yml about readers: who may use which work group of Athena, and what CloudFront delivers."""
