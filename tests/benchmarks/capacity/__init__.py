"""What sessions need: room, connections, servers. Formulae, and what they say beside what a simulation does."""
