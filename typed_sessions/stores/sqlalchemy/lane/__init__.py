"""The fast lane: loads and saves that share statements and commits, on the driver's own cursor."""
