"""What the type checkers must say about code that uses the library; read by `tests/test_typing.py`."""
