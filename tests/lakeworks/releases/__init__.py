"""Every past state: releases, moments and runs."""
