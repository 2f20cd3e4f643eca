"""What each release of Pydantic makes of the same models: `python -m tests.shape_releases` prints it."""
