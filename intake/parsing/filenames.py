"""Names that are safe to show and to save under, and the same on every reading."""

import re

LONGEST_NAME = 120
# Controls, invisible characters, and those that turn the reading direction ("cod.exe" shown
# as "exe.doc").
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\ud800-\udfff]"
)
_EXTENSIONS = {
    "application/pdf": ".pdf",
    "application/msword": ".doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/rtf": ".rtf",
    "application/zip": ".zip",
    "application/json": ".json",
    "application/xml": ".xml",
    "application/ics": ".ics",
    "application/pgp-signature": ".asc",
    "application/pgp-encrypted": ".asc",
    "application/pgp-keys": ".asc",
    "application/pkcs7-mime": ".p7m",
    "application/x-pkcs7-mime": ".p7m",
    "application/pkcs7-signature": ".p7s",
    "application/x-pkcs7-signature": ".p7s",
    "application/ms-tnef": ".dat",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/csv": ".csv",
    "text/calendar": ".ics",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "text/directory": ".vcf",
    "text/rtf": ".rtf",
    "text/rfc822-headers": ".txt",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/pjpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/bmp": ".bmp",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "image/tiff": ".tif",
    "image/svg+xml": ".svg",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "audio/amr": ".amr",
    "audio/ogg": ".ogg",
    "audio/wav": ".wav",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "video/3gpp": ".3gp",
    "message/rfc822": ".eml",
}


def safe_name(name: str, content_type: str, part: int) -> str:
    """Return the last path component of `name` without unsafe characters, at most 120 long.

    Where nothing is left the name is made from the part's number and type: `part-3.pdf`.
    """
    base = _UNSAFE.sub("", name).replace("\\", "/").rpartition("/")[2]
    base = " ".join(base.split()).lstrip(". ").rstrip(". ")
    return _shorten(base) if base else f"part-{part}{extension_for(content_type)}"


def described_name(description: str, content_type: str, part: int) -> str:
    """Return a name from a description or subject, with the extension of the type."""
    extension = extension_for(content_type)
    if not description.strip():
        return safe_name("", content_type, part)
    flat = description.replace("/", "-").replace("\\", "-")
    if extension == ".bin" or flat.lower().endswith(extension):
        return safe_name(flat, content_type, part)
    return safe_name(flat.rstrip(". ") + extension, content_type, part)


def extension_for(content_type: str) -> str:
    """Return the usual extension of a type, with its dot; ".bin" if Kith knows none."""
    return _EXTENSIONS.get(content_type, ".txt" if content_type.startswith("text/") else ".bin")


def _shorten(name: str) -> str:
    if len(name) <= LONGEST_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 20:
        return name[:LONGEST_NAME].rstrip(". ")
    return stem[: LONGEST_NAME - len(extension) - 1].rstrip(". ") + "." + extension
