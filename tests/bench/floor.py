"""The floor: the least that any such program must do, with the plainest tools.

imapclient fetches in batches, the standard library parses the headers, each mail is one row in
SQLite (WAL, one commit per batch), and one SMTP message leaves for each over one connection.
"""

import smtplib
import sqlite3
import time
from email.parser import BytesHeaderParser
from pathlib import Path

import imapclient

BATCH = 50
ANSWER = (
    "From: hello@kith.example.org\r\nTo: {to}\r\nSubject: Thank you\r\n"
    "Message-ID: <floor.{number}@kith.example.org>\r\n\r\nThank you for your email.\r\n"
)


def run_floor(
    imap: tuple[str, int, str, str], smtp: tuple[str, int], database: Path
) -> tuple[int, float]:
    """Return how many mails went through and the seconds it took."""
    started = time.perf_counter()
    host, port, user, password = imap
    client = imapclient.IMAPClient(host, port, ssl=False, timeout=60)
    client._imap.debug = 0  # the same as Kith, so that the comparison is fair
    client.login(user, password)
    client.select_folder("INBOX", readonly=True)
    uids = client.search("ALL")
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE mails (uid INTEGER PRIMARY KEY, sender, subject, raw BLOB)")
    server = smtplib.SMTP(*smtp, timeout=60)
    parser = BytesHeaderParser()
    for place in range(0, len(uids), BATCH):
        answer = client.fetch(uids[place : place + BATCH], ["BODY.PEEK[]"])
        heads = []
        connection.execute("BEGIN")
        for uid, data in answer.items():
            raw = data[b"BODY[]"]
            head = parser.parsebytes(raw)
            heads.append((uid, str(head["From"])))
            row = (uid, str(head["From"]), str(head["Subject"]), raw)
            connection.execute("INSERT INTO mails VALUES (?, ?, ?, ?)", row)
        connection.execute("COMMIT")
        for uid, sender in heads:
            to = sender.rpartition("<")[2].rstrip(">")
            text = ANSWER.format(to=to, number=uid).encode()
            server.sendmail("hello@kith.example.org", [to], text)
    server.quit()
    client.logout()
    connection.close()
    return len(uids), time.perf_counter() - started
