"""One module for each framework. Import each from its own module."""
