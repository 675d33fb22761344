"""Every past state: what was live at a moment, after a run, or in a named release."""
