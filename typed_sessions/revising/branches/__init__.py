"""Two branches that both made a version of one number: mine is renumbered behind theirs."""
