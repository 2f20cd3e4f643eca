"""A tea shop on FastAPI: one cookie, a cart that is there before its person logs in and after the next deploy."""
