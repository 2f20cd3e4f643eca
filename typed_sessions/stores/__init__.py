"""Places that keep records. Import each from its own module."""
