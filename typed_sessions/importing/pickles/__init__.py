"""Pickles, read without running anything of them, in a process of its own.

A pickle is a program: it names functions and says what to call them with. Here no name leads to the real thing. Each
becomes a class of notes that only remember what they were called with (`notes`), so that whatever a pickle calls,
nothing happens. What the notes mean is decided afterwards, from a short list (`meanings`, `writing`). Around that
stand further walls (`walls`), for faults of the unpickler itself: the process can open no file but those of time zones,
start nothing and connect to nothing, its memory and processor time are limited, and it is killed when it stalls.

All files here but `process` run in that process and import the standard library alone.
"""
