"""Other session libraries at the same work: `make bench-peers`. They live in an environment of their own."""
