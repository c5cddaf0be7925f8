"""Cases for tests of what is read from the tracker."""

from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from casework.models import Case, Correspondent, CorrespondentAddress, Strand
from casework.references import CaseReference, new_reference
from intake.taxonomy import Kind

_numbers = count(1)


def make_case(
    session: Session, at: datetime, *kinds: Kind, name: str = "Marion Ashworth", **fields: Any
) -> Case:
    """Add an open case with its correspondent and strands; `fields` are columns of `Case`."""
    person = Correspondent(name=name, created_at=at)
    session.add(person)
    session.flush()
    address = f"writer{next(_numbers)}@example.org"
    session.add(
        CorrespondentAddress(
            correspondent_id=person.id, address=address, key=address, created_at=at
        )
    )
    values: dict[str, Any] = {
        "reference": new_reference(),
        "status": "new",
        "risk_level": "none",
        "opened_at": at,
        "last_received_at": at,
    } | fields
    case = Case(correspondent_id=person.id, **values)
    session.add(case)
    session.flush()
    for place, kind in enumerate(kinds or (Kind.ENQUIRY,)):
        session.add(
            Strand(
                case_id=case.id,
                kind=kind,
                stage="new",
                is_primary=place == 0,
                confidence=0.9,
                sure=True,
            )
        )
    session.flush()
    return case


def reference_of(case: Case) -> CaseReference:
    """Return the case's reference."""
    return CaseReference(case.reference)
