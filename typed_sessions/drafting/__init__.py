"""The draft of a step: what follows from two shapes is filled in, the rest is left to a person."""
