"""The libraries, a file for each. Only here is anything imported that typed-sessions does not need."""
