"""What they must refuse: each such line ends in `error:` and the rule of each checker, in square brackets."""
