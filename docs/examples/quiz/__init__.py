"""A quiz for groups on aiogram: everybody answers at once, in many processes, and the points are right."""
