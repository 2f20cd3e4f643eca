"""Web sessions under a load generator: ours beside those of other libraries, on the same server and database."""
