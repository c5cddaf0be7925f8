"""The back door: letters leave here, one recipient each, over one kept connection.

What matters is to know the truth about a letter. Until its last dot is sent it has certainly not
left; when the connection breaks after that and before the answer, nobody knows.
"""

from replies.smtp.server import DeliveryError, SmtpServer, SmtpServerError
from replies.smtp.transport import MAX_IDLE_S, MAX_LETTERS, SmtpTransport, Transport

__all__ = [
    "MAX_IDLE_S",
    "MAX_LETTERS",
    "DeliveryError",
    "SmtpServer",
    "SmtpServerError",
    "SmtpTransport",
    "Transport",
]
