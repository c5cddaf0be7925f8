"""What holds of every mail, whatever its bytes are."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from casework.apart.messages import pickle_judged, unpickle_judged
from casework.explain import as_answer, in_words
from casework.judging import Judged, Judges, judge
from intake.bounces import parse_bounce
from intake.classification import classify
from intake.evidence import Evidence
from intake.message import Message
from intake.parsing import UnreadableMailError, attachment_bytes, parse_message
from intake.parsing.parse import BODY_NOT_PARSED, NOT_PARSED
from intake.quoting import find_marks, new_text
from intake.risk import scan_risk

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
BLANK = b" \t\r\n\x00"
MOST_BYTES_OF_FILES = 2_000_000


def check(raw: bytes, judges: Judges) -> None:
    """Read and judge the mail; raises what goes wrong, `AssertionError` for a broken promise."""
    try:
        message = parse_message(raw, received_at=NOW)
    except UnreadableMailError:
        assert not raw.removeprefix(b"\xef\xbb\xbf").strip(BLANK), "unreadable, but not blank"
        return
    check_message(raw, message)
    check_quoting(message)
    # Each for itself: `judge` logs what they raise, and goes on.
    scan_risk(message, judges.risk_rules)
    classify(message, judges.model)
    parse_bounce(message)
    check_judged(judge(raw, received_at=NOW, judges=judges, now=NOW))


def check_message(raw: bytes, message: Message) -> None:
    """Check what parsing promises."""
    assert NOT_PARSED not in message.defects, "parsing failed and was salvaged"
    assert BODY_NOT_PARSED not in message.defects, "the body was not parsed and was salvaged"
    assert message == parse_message(raw, received_at=NOW), "another message the second time"
    for text in texts_of(message):
        assert "\x00" not in text, "NUL"
        text.encode("utf-8")  # no half characters
    assert "\n" not in message.subject
    assert message.date is None or message.date.tzinfo is not None
    if sum(each.size for each in message.attachments) > MOST_BYTES_OF_FILES:
        return
    for attachment in message.attachments[:20]:
        assert attachment.name, "an attachment without a name"
        assert not set("/\\\n\r\x00\u202e") & set(attachment.name), "an unsafe name"
        assert len(attachment_bytes(raw, attachment.part)) == attachment.size, "another size"


def check_quoting(message: Message) -> None:
    """Check that marks are in order, cover whole lines and lose nothing."""
    text, position, pieces = message.text, 0, []
    assert message.marks == find_marks(text)
    for mark in message.marks:
        assert position <= mark.start < mark.end <= len(text), "marks out of order"
        assert mark.start == 0 or text[mark.start - 1] == "\n", "a mark within a line"
        assert mark.end == len(text) or text[mark.end - 1] == "\n", "a mark ends within a line"
        pieces.append(text[position : mark.start])
        position = mark.end
    assert "".join((*pieces, text[position:])).strip() == message.new_text, "words were lost"
    assert new_text(text) == message.new_text


def check_judged(judged: Judged) -> None:
    """Check that evidence lies where it says, and that the opinion can be told and sent."""
    text = judged.message.text
    check_evidence(judged.risk.evidence, text)
    check_evidence(judged.classification.evidence, text)
    for date in judged.risk.key_dates:
        assert date.start < 0 or text[date.start : date.end] == date.text, "a date elsewhere"
    assert 0.0 <= judged.classification.confidence <= 1.0
    assert judged.screening.reason
    told = json.dumps(as_answer("x", judged), ensure_ascii=False).encode("utf-8")
    assert json.loads(told)["id"] == "x"
    assert in_words(judged).encode("utf-8")
    assert unpickle_judged(pickle_judged(judged)) == judged


def check_evidence(evidence: Iterable[Evidence], text: str) -> None:
    """Check that each stretch is in the text, and is what it says."""
    for each in evidence:
        if each.start >= 0:
            assert each.start < each.end <= len(text), "evidence outside the text"
            assert text[each.start : each.end] == each.text, "evidence is not what it says"


def texts_of(message: Message) -> list[str]:
    """Return every text of a message."""
    people = (message.sender, *message.reply_to, *message.to, *message.cc)
    found = [message.subject, message.text, message.delivery_status, message.message_id or ""]
    found += [part for each in people if each for part in (each.name, each.email)]
    found += [part for each in message.headers for part in (each.name, each.value)]
    found += [part for each in message.attachments for part in (each.name, each.text)]
    found += [part for each in message.enclosed for part in (each.subject, *each.recipients)]
    return [*found, *message.in_reply_to, *message.references, *message.content_types]
