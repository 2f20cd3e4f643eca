"""What both type checkers must accept, without a word."""
