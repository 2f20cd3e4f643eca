"""A bot on python-telegram-bot that reminds people, also of what they asked for before it was restarted."""
