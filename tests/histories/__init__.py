"""Histories: random operations on sessions are recorded as they happen and checked against what we promise.

In the manner of Jepsen and of Elle (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental
Observations", VLDB 2020): everything is made by appending unique tokens to lists, so that every state that is read
tells its whole past. `program` makes up operations, `player` runs them in tasks or threads, `watched` notes what goes
into and comes out of the store, `worker` and `crew` do it in several processes that are killed at times, `in_process`
in one; `history` puts the notes together, `checker` judges them, `report` prints what it finds; `planted` has stores
that are broken on purpose.
"""
