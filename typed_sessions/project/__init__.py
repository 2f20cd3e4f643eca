"""The user's project: its settings, its session models, its generated files."""
