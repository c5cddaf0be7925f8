"""The words by which quotes, forwards and signatures begin, in the languages of our mail."""

LEADS = ("on ", "ar ", "am ", "le ", "el ", "w dniu ", "dnia ", "il ", "op ", "em ", "den ")
"""How "On … wrote:" begins."""

VERBS = (
    "wrote",
    "ysgrifennodd",
    "schrieb",
    "a écrit",
    "a ecrit",
    "escribió",
    "escribio",
    "napisał",
    "pisze",
    "ha scritto",
    "schreef",
    "escreveu",
    "skrev",
)

ORIGINAL = frozenset(
    (
        "original message",
        "original appointment",
        "neges wreiddiol",
        "ursprüngliche nachricht",
        "original-nachricht",
        "message d'origine",
        "message d’origine",
        "message original",
        "mensaje original",
        "oryginalna wiadomość",
        "wiadomość oryginalna",
        "messaggio originale",
        "oorspronkelijk bericht",
        "mensagem original",
    )
)

FORWARDED = (
    "forwarded message",
    "forwarded by",
    "neges wedi'i hanfon ymlaen",
    "neges wedi’i hanfon ymlaen",
    "neges a anfonwyd ymlaen",
    "weitergeleitete nachricht",
    "weitergeleitete mail",
    "message transféré",
    "message transfere",
    "mensaje reenviado",
    "wiadomość przekazana dalej",
    "wiadomość przesłana dalej",
    "przekazana wiadomość",
    "messaggio inoltrato",
    "doorgestuurd bericht",
    "mensagem encaminhada",
)
"""What stands between dashes above a forward."""

FORWARD_BEGINNINGS = (
    "begin forwarded message",
    "dechrau neges a anfonwyd ymlaen",
    "anfang der weitergeleiteten nachricht",
    "début du message réexpédié",
    "début du message transféré",
    "inicio del mensaje reenviado",
    "początek przekazywanej wiadomości",
    "inizio messaggio inoltrato",
)
"""What stands above a forward without dashes, with a colon after it."""

FROM_NAMES = frozenset(("from", "oddi wrth", "von", "de", "od", "da", "van"))
SUBJECT_NAMES = frozenset(
    ("subject", "pwnc", "betreff", "objet", "asunto", "temat", "oggetto", "onderwerp")
)
OTHER_NAMES = frozenset(
    (
        *("sent", "date", "to", "cc", "bcc", "reply-to", "importance", "attachments"),
        *("anfonwyd", "dyddiad", "at", "gesendet", "datum", "an", "kopie"),
        *("envoyé", "date d'envoi", "à", "enviado", "enviado el", "fecha", "para"),
        *("wysłano", "data", "do", "dw", "inviato", "a", "verzonden", "aan"),
    )
)
BLOCK_NAMES = FROM_NAMES | SUBJECT_NAMES | OTHER_NAMES
"""The names in the header block that Outlook puts above what it quotes."""

SENT_FROM = (
    "sent from my",
    "sent from",
    "sent via",
    "sent with",
    "get outlook for",
    "anfonwyd o fy",
    "anfonwyd o'm",
    "anfonwyd o",
    "von meinem",
    "gesendet von",
    "envoyé de mon",
    "envoyé depuis mon",
    "enviado desde mi",
    "wysłane z",
    "inviato da",
    "verstuurd vanaf mijn",
)

DEVICES = frozenset(
    (
        *("iphone", "ipad", "ipod", "samsung", "galaxy", "android", "huawei", "honor", "xiaomi"),
        *("redmi", "pixel", "motorola", "nokia", "oneplus", "oppo", "sony", "xperia", "htc", "lg"),
        *("blackberry", "mobile", "phone", "smartphone", "tablet", "device", "kindle", "outlook"),
        *("yahoo", "mail", "gmail", "aol", "hotmail", "proton", "protonmail", "ffôn"),
        *("téléphone", "móvil", "telefonu", "iphone'a", "iphonea", "ipada"),
    )
)
BESIDE_DEVICES = frozenset(
    (
        *("my", "google", "moto", "handheld", "windows", "bt", "sky", "ee", "o2", "three", "plus"),
        *("vodafone", "giffgaff", "talktalk", "virgin", "media", "for", "on", "ios", "with", "the"),
        *("app", "using", "via", "a", "an", "network", "pro", "max", "mini", "ultra", "edge"),
        *("note", "fold", "flip", "lite", "se", "air", "wireless", "secure", "email", "new"),
        *(
            "verizon",
            "at&t",
            "t-mobile",
            "bouygues",
            "orange",
            "tesco",
            "inbox",
            "web",
            "apple",
            "fire",
            "get",
            "gesendet",
            "meinem",
            "mein",
            "mon",
        ),
    )
)
"""Words that a phone's own line may hold beside the device."""
