"""What is stored of a session, as JSON Schema: today's shape, the frozen ones, and how they differ."""
