"""Beside the mail: the test mail to ourselves, brakes that have room again, and the alarm bell.

If the power fails here, nothing of a look or all of it has happened, and the next look goes on.
"""

import os
from datetime import timedelta

from casework.alarms import AlarmBell, Operators, Sender
from casework.bootstrap import Kith, make_transport
from casework.canary import CanaryAddress, send_canary_if_due
from casework.environment import clock
from casework.gate import close_what_has_room
from casework.oauth_client import oauth_client, token_source
from casework.status.command import token_of, watching_of
from casework.status.model import Token, Watching
from config.oauth import token_status
from config.settings import Mode, Settings
from replies.outgoing import new_message_id
from replies.signing_keys import load_signer


def tokens_of(settings: Settings) -> tuple[Token, ...]:
    """Return our permissions to sign in at the provider; none where passwords are used."""
    if not settings.uses_oauth:
        return ()
    return (token_of(token_status(oauth_client(settings), clock())),)


def watching(kith: Kith) -> Watching:
    """Return what is watched."""
    mailboxes = [watched.mailbox for watched in kith.mailboxes]
    return watching_of(kith.settings, mailboxes, tokens_of(kith.settings))


class Watchman:
    """Looks once a minute; for a thread of its own, since telling waits for servers."""

    def __init__(self, kith: Kith) -> None:
        settings = kith.settings
        self._kith = kith
        self._is_live = settings.mode is Mode.LIVE
        self._domain = settings.group.address.rpartition("@")[2]
        # A way out of its own: the other one belongs to the thread that delivers.
        way_out = make_transport(settings, token_source(settings)) if self._is_live else None
        self._bell = AlarmBell(
            kith.sessions,
            Operators(
                sender=Sender(settings.group.name, settings.group.address),
                new_id=lambda: new_message_id(self._domain),
                addresses=settings.alarms.addresses,
                command=settings.alarms.command,
                transport=way_out,
                environ=os.environ,
            ),
            lambda: watching(kith),
            kith.now,
        )

    def look(self) -> None:
        """Do what is due, and tell what is wrong; raises what the database raises."""
        try:
            self._let_go_and_test()
        finally:
            self._bell.look()

    def close(self) -> None:
        """Let go of the connections."""
        self._bell.close()

    def _let_go_and_test(self) -> None:
        kith, hours = self._kith, self._kith.settings.alarms.canary_hours
        with kith.sessions.begin() as session:
            close_what_has_room(session, kith.desk.caps, kith.now())
        if not (hours and self._is_live):
            return
        with kith.sessions.begin() as session:
            signer = load_signer(session)
            send_canary_if_due(
                session,
                CanaryAddress(kith.settings.group.name, kith.settings.group.address),
                every=timedelta(hours=hours),
                now=kith.now(),
                new_id=lambda: signer.message_id(self._domain),
            )
