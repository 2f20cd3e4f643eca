"""Edits in files that people write: by the spans of the syntax tree, and all files or none."""
