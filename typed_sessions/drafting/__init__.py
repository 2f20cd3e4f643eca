"""Tools that draft and check the history of session models: what the command line is made of."""
