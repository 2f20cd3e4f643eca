"""Locks between processes: by the server, or by leased rows where it has none that hold."""
