"""Finding a case by the reference that a person gives."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from casework.models import Case
from casework.references import is_reference
from config.errors import KithError


class NoSuchCaseError(KithError):
    """There is no case with this reference."""

    def __init__(self, reference: str) -> None:
        slip = "" if is_reference(reference) else " It is mistyped: the check character is wrong."
        super().__init__(f"There is no case {reference}.{slip} `kith case list` shows them.")


def find(session: Session, reference: str) -> Case:
    """Return the case with this reference, however it is capitalised; raises `NoSuchCaseError`."""
    wanted = reference.strip().upper()
    found = session.execute(select(Case).where(Case.reference == wanted)).scalar_one_or_none()
    if found is None:
        raise NoSuchCaseError(wanted)
    return found
