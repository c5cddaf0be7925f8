"""Word classes: which words play the same part in a request, an offer or a story.

"We'd gladly lend you our hall" and "I could happily print your leaflets" share no content word,
yet have the same shape: someone - would - gladly - GIVE - you. The shape of a sentence is written
in these classes, so that what was learned from one wording serves the next. Words in no class and
not among `FUNCTION_WORDS` all look alike.

The trained model depends on these tables: after a change run `make train`.
"""

from types import MappingProxyType

_CLASSES = {
    "WE": "i we",
    "ME": "me us myself ourselves",
    "OUR": "my our mine ours",
    "YOU": "you u ya youse yous yourselves",
    "YOUR": "your ur yours",
    "THEY": "he she they",
    "THEM": "him her them his their",
    "SOMEONE": "someone somebody anyone anybody",
    "WH": "what how who where when which why",
    "WOULD": "can could would may might shall will",
    "SHOULD": "must should ought need needs needed",
    "WISH": "like love want wish hope wants wished hoping prefer keen wanted",
    "GLAD": "happy glad pleased delighted willing grateful prepared content ready able",
    "GIVE": "offer offers offering donate donating donated lend lending gift volunteer"
    " volunteering loan host hosting give giving provide providing teach translate interpret draft"
    " print printing drive mentor mentoring proofread tutor cook bake repair mend fix paint"
    " photograph",
    "FREE": "free gratis unpaid charge cost fee nothing donation donations discount pro bono"
    " voluntary",
    "JOIN": "join joining joined member members membership belong enrol enroll register registered"
    " admit admitted admission sign signed attend attending",
    "LIST": "list lists mailing whatsapp forum circulation facebook zoom",
    "GROUP": "meeting meetings group groups gathering session sessions circle coffee",
    "ASK": "ask asking advice advise help tell explain know understand recommend guidance anything",
    "ERASE": "delete deleted remove removed erase erased erasure withdraw withdrawn unsubscribe"
    " destroy correct corrected correction anonymise anonymised unsay redact recall recalled",
    "DATA": "data details consent information records file files copy copies gdpr photo photograph"
    " photos story privacy breach website site page",
    "TOGETHER": "jointly joint together propose proposing proposal invite invites inviting"
    " invitation partner partnership collaborate collaboration coproduce codesign panel steering"
    " pilot study research interview interviews commission advisory committee evidence"
    " consultation representative representatives representation evaluate curate develop design",
    "IDEA": "suggest suggestion suggestions idea ideas tip tips comment comments observation"
    " observations feedback thought thoughts recommendation example reflections",
    "CHILD": "son daughter boy girl lad lass child grandson granddaughter nephew niece grandchild"
    " teenager teen toddler baby brother sister kid kids children boys girls grandchildren",
    "AUTHORITY": "court hearing order judge solicitor tribunal review section reviews proceedings"
    " legal barrister cafcass guardian iro camhs placement social worker ehcp police council school"
    " senco contact respite",
    "THANKS": "thank thanks thankyou ta cheers",
    "BODY": "university charity trust agency organisation team service department ltd nhs college"
    " board network company",
    "ROLE": "teacher nurse accountant therapist psychologist manager officer researcher producer"
    " journalist editor lecturer student coordinator director chair designer developer",
    "SELL": "price guaranteed seo google click verify password account invoice deposit bitcoin"
    " subscribe quote seats leads limited upgrade promo code",
    "MACHINE": "automated automatic automatically noreply ticket delivered delivery receipt logged"
    " notification calendar accepted declined undeliverable",
}

CLASS_OF = MappingProxyType(
    {word: name for name, words in reversed(_CLASSES.items()) for word in words.split()}
)
"""Word -> class; a word named in two classes belongs to the first."""

_FUNCTION_WORDS = (
    "a an the of to in on at for with from by about as if or and but so not no any some there is"
    " are was were be been am has have had do does did it this that these those please sorry just"
    " also too only"
)
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that stand for themselves in the shape of a sentence."""

ENDINGS = MappingProxyType(
    {"d": "WOULD", "ll": "WOULD", "ve": "have", "re": "are", "m": "am", "t": "not", "s": "'s"}
)
"""What the part after an apostrophe stands for."""
