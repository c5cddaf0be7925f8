"""What is said when the settings cannot be used."""

from config.errors import KithError


class SettingsError(KithError):
    """The settings cannot be used; `problems` holds one sentence for each fault, never a secret."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))
