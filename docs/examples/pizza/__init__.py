"""A pizza shop in Telegram that changes its cart overnight, while yesterday's carts lie in the database."""
