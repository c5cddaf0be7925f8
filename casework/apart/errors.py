"""What may go wrong when a mail is judged apart, each with its own sentence."""

from config.errors import KithError


class JudgedInVainError(KithError):
    """The mail was not judged, and it is the mail's fault."""

    @classmethod
    def took_too_long(cls, seconds: float) -> "JudgedInVainError":
        """It was given all its time."""
        return cls(f"Reading it takes longer than {seconds:g} seconds.")

    @classmethod
    def was_deadly(cls, exit_code: int) -> "JudgedInVainError":
        """The process that read it died; below zero the code is the signal's number."""
        how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
        return cls(f"The process that read it died ({how}).")

    @classmethod
    def failed(cls, name: str) -> "JudgedInVainError":
        """Judging raised the exception of that name."""
        return cls(f"Reading it failed ({name}).")


class NoSideRoomError(KithError):
    """No second process could be started: it is no fault of the mail."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"No second process could be started to judge a mail in ({why}). Give this machine "
            "more memory, or this user more processes; until then all mail is judged in one."
        )


class StoppedError(KithError):
    """The work is to stop; the mail was not judged, and nothing is wrong with it."""

    def __init__(self) -> None:
        super().__init__("The work was stopped before the mail was judged; it will be tried again.")
