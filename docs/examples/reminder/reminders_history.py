"""How yesterday's reminders become today's."""

from reminder._frozen import reminders as frozen


class RemindersHistory(frozen.Upcasts):
    """One change since the first reminder. Those that wait are sent all the same."""

    @staticmethod
    def v1_to_v2(old: frozen.V1, /) -> frozen.V2:
        """Reminders have numbers, and their dates, which were in UTC, say so."""
        return {
            "last_number": len(old["waiting"]),
            "waiting": [
                {
                    "number": number,
                    "text": item["text"],
                    "due": f"{item['due']}Z",
                }
                for number, item in enumerate(old["waiting"], start=1)
            ],
        }
