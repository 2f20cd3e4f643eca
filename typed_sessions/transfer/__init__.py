"""Records out of a store into a file, and from a file into any store, to the byte. No session model is needed."""
