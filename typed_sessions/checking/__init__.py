"""`typed-sessions check` and `history`: what is frozen beside what the code says."""
