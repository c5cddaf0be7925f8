"""The configuration of the tests' Dovecot, in the words of 2.3 and of 2.4."""

import os
from pathlib import Path
from string import Template

from tests.services.certificates import Certificate
from tests.services.places import LOOPBACK, RunAs

# Wrong passwords are part of the tests: without `auth_failure_delay` and with the penalty's socket
# closed they do not slow down what comes after them.
_COMMON = Template("""\
base_dir = $directory/run
state_dir = $directory/state
log_path = $directory/dovecot.log
listen = $loopback
protocols = imap
auth_mechanisms = plain login
auth_username_chars =
first_valid_uid = 1
auth_failure_delay = 0
mail_fsync = never
mail_max_userip_connections = 100
ssl = yes
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    port = $port
  }
  inet_listener imaps {
    port = $tls_port
    ssl = yes
  }
}
namespace inbox {
  inbox = yes
  mailbox Unwanted {
    auto = create
    special_use = \\Junk
  }
}
""")

_ROOTLESS = Template("""\
default_internal_user = $user
default_internal_group = $group
default_login_user = $user
service anvil {
  chroot =
}
service imap-login {
  chroot =
}
""")

_WORDS_2_3 = Template("""\
disable_plaintext_auth = no
ssl_cert = <$certificate
ssl_key = <$key
mail_location = maildir:$directory/mail/%u
passdb {
  driver = static
  args = password=$password
}
userdb {
  driver = static
  args = uid=$uid gid=$gid home=$directory/mail/%u
}
""")

_FIRST_LINES_2_4 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
"""

_WORDS_2_4 = Template("""\
auth_allow_cleartext = yes
ssl_server_cert_file = $certificate
ssl_server_key_file = $key
mail_driver = maildir
mail_path = $directory/mail/%{user}
passdb static {
  password = $password
}
userdb static {
  fields {
    uid = $uid
    gid = $gid
    home = $directory/mail/%{user}
  }
}
""")


def render(
    *,
    version: tuple[int, int],
    directory: Path,
    ports: tuple[int, int],
    certificate: Certificate,
    owner: RunAs,
    password: str,
) -> str:
    """Return the text of dovecot.conf for this version of Dovecot."""
    values = {
        "directory": directory,
        "loopback": LOOPBACK,
        "port": ports[0],
        "tls_port": ports[1],
        "certificate": certificate.certificate,
        "key": certificate.key,
        "user": owner.name,
        "group": owner.group,
        "uid": owner.uid,
        "gid": owner.gid,
        "password": password,
    }
    words = [_COMMON.substitute(values)]
    if os.geteuid() != 0:
        words.append(_ROOTLESS.substitute(values))
    if version < (2, 4):
        return "".join([*words, _WORDS_2_3.substitute(values)])
    return "".join([_FIRST_LINES_2_4, *words, _WORDS_2_4.substitute(values)])
