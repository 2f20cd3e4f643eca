"""What typed-sessions costs, as ratios to the same work by hand: `make bench`."""
