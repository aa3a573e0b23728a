"""What can be read for sure in a message that a human of a business writes in a handoff.

`runtime.agent.owner_intent` asks here before it asks a model, and again before it believes one. Every function
takes the message as it was typed and compares it folded; none of them knows what was said before.
"""

from __future__ import annotations

import re

from runtime.domain.spanish.folding import expand_chat_spelling, fold, fold_words
from runtime.domain.spanish.owner_patterns import (
    ABOUT_CUSTOMER,
    ADDRESS,
    ANSWER_YOURSELF,
    ASKED_OF_PARLO,
    CALLED_LAST,
    COMES,
    COURTESY,
    DATA,
    DOUBLED_END,
    END_SIGNS,
    END_WORDS,
    ENDS,
    FORBIDDEN,
    HANDS_BACK,
    I_DID,
    LAST_WORDS,
    LONGEST_COMMAND,
    LONGEST_END,
    NAME_LAST,
    NAME_PADS,
    NOT_YET,
    OF_A_BODY,
    OF_AN_END,
    OF_BUSINESS,
    OF_ORDERS,
    OF_QUESTIONS,
    ORDERS_TO_END,
    PADS,
    PASSED_ON,
    PROMISED,
    SAID_BY_THEM,
    SECOND_PERSON,
    SERVICES,
    SMALL_TALK,
    THANKED_WORDS,
    TO_PARLO,
    TU_LEFT,
    USTED,
)


def is_end_command(text: str) -> bool:
    """Whether a whole message is a command to end: a taught word, or an order that can mean nothing else."""
    if END_SIGNS.fullmatch(text):
        return True
    if len(text) > LONGEST_COMMAND or "?" in text or "¿" in text:
        return False
    words = DOUBLED_END.sub(r"\1", fold_words(expand_chat_spelling(text)))
    if NAME_PADS.sub("", words) in END_WORDS:
        return True
    return PADS.sub("", words) in THANKED_WORDS or _is_order_to_end(words)


def closes_with_order(text: str) -> bool:
    """Whether the last thing a message says is an order to end, and nothing in it is for the customer.

    "ya le di su cita, ciérrala"; not "te espero mañana, ciérrala".
    """
    clauses = [clause for clause in re.split(r"[,.;!\n]| y (?=\w+$)", _read(text)) if re.search(r"\w", clause)]
    if len(clauses) < 2 or carries_content(text):
        return False
    last = fold_words(clauses[-1])
    return _is_order_to_end(last) or PADS.sub("", last) in LAST_WORDS


def hands_back(text: str) -> bool:
    """Whether a message gives the customer back to the assistant, and nothing in it is for the customer.

    "ya puedes agarrar tú la plática", "te toca, Parlo", "retírame de este chat".
    """
    read = _read(text)
    return (
        HANDS_BACK.search(read) is not None
        and "?" not in read
        and NOT_YET.search(read) is None
        and not carries_content(text)
    )


def _is_order_to_end(words: str) -> bool:
    return ORDERS_TO_END.fullmatch(PADS.sub("", words)) is not None


def is_small_talk(text: str) -> bool:
    """Whether a message is nothing but courtesy, or has no letter at all: "ok", "sí gracias", 👍, "4:30"."""
    if not any(char.isalpha() for char in text):
        return True
    if len(text) > LONGEST_COMMAND:
        return False
    words = DOUBLED_END.sub(r"\1", fold_words(expand_chat_spelling(text))).split(" ")
    return len(words) <= 7 and all(SMALL_TALK.fullmatch(word) for word in words)


def read_address(text: str) -> str | None:
    """What is said to the assistant by its name ("parlo, …", "…, parlo?") or after a slash; None without either."""
    line = expand_chat_spelling(text[:500])
    if re.match(r"^\s*/\s*[^\W\d_]", line):
        return line.strip().removeprefix("/").strip()
    folded = fold(line)
    match = ADDRESS.match(folded)
    if match:
        return folded[match.end() :]
    last = NAME_LAST.search(folded)
    return folded[: last.start()] + last["mark"] if last else None


def ends_by_order(said: str) -> bool:
    """Whether words that are said to the assistant for sure tell it that the handoff is over."""
    if is_end_command(said) or hands_back(said) or PADS.sub("", fold_words(said)) in LAST_WORDS:
        return True
    read = _read(said)
    return ENDS.search(read) is not None and "?" not in read and NOT_YET.search(read) is None


def speaks_of_an_end(text: str) -> bool:
    """Whether any word of a message could belong to an end, or it tells of the customer in the third person."""
    read = _read(text)
    if OF_AN_END.search(read) or TO_PARLO.search(read):
        return True
    return tells_of_customer(text) and DATA.search(read) is None


def says_not_yet(text: str) -> bool:
    """Whether a message says that it is not over: "no cierres", "todavía", "aguántame", "sigo con ella"."""
    return NOT_YET.search(_read(text)) is not None


def instructs_assistant(text: str) -> bool:
    """Whether a message speaks to the assistant and, that taken out, no longer to the customer.

    "dile que la atiendo", "no la agarres tú", "¿me dices qué pidió la clienta?"; not "dile a tu hermana que venga".
    """
    read = _read(text)
    left = read
    for pattern in (PASSED_ON, FORBIDDEN, ASKED_OF_PARLO):
        left = pattern.sub(" · ", left)
    return left != read and not addresses_customer(left)


def forbids_assistant(text: str) -> bool:
    """Whether a message only forbids the assistant what a receptionist does: "no le contestes", "tú no escribas"."""
    read = _read(text)
    return FORBIDDEN.search(read) is not None and "?" not in read and not addresses_customer(FORBIDDEN.sub("·", read))


def speaks_of_business(text: str) -> bool:
    """Whether a message asks or orders something, or speaks of the customer. Else no "aside" is believed."""
    return OF_BUSINESS.search(_read(text)) is not None


def is_own_business(text: str) -> bool:
    """Whether a message can only be said to the assistant: an order about the customer, a question about the business.

    "agéndala el lunes", "dile que sí", "¿cuántas citas tengo?", "¿qué le dijiste?"; never what speaks to the customer.
    """
    read = _read(text)
    asked = OF_QUESTIONS.search(read)
    if OF_A_BODY.search(read) or ANSWER_YOURSELF.search(read) or not (asked or OF_ORDERS.search(read)):
        return False
    # "¿cuánto le cobro?" is asked about the customer, though "le cobro" alone would be said to them
    return not addresses_customer(f"{read[: asked.start()]} {read[asked.end() :]}" if asked else text)


def orders_assistant(text: str) -> bool:
    """Whether a message holds words that only the assistant can be meant by: "síguele tú", "te la regreso"."""
    return TO_PARLO.search(_read(text)) is not None


def addresses_customer(text: str) -> bool:
    """Whether a message speaks to the customer: tú or usted, a courtesy, an endearment.

    Where the assistant is called at the end ("… contigo, bot"), tú is the assistant.
    """
    if CALLED_LAST.search(fold(text)):
        return promises_customer(text)
    read = SAID_BY_THEM.sub(" · ", TU_LEFT.sub(" · ", TO_PARLO.sub(" · ", _read(text))))
    return any(pattern.search(read) for pattern in (SECOND_PERSON, USTED, COURTESY))


def promises_customer(text: str) -> bool:
    """Whether a message promises something that only a customer is promised: "te espero", "te aparto", "nos vemos"."""
    return PROMISED.search(_read(text)) is not None


def carries_content(text: str) -> bool:
    """Whether something in a message is for the customer, so that ending without passing it on would lose it.

    Days, times, prices and questions count unless the message speaks of the customer in the third person, or
    gives the assistant an order.
    """
    if len(text) > LONGEST_END:
        return True
    read = _read(text)
    if addresses_customer(text) and not _is_told_of_customer(text):
        return True
    if TO_PARLO.search(read):
        return False
    if "?" in read:
        return True
    told = DATA.search(read) or SERVICES.search(read)
    return told is not None and not tells_of_customer(text)


def _is_told_of_customer(text: str) -> bool:
    """Whether it is the assistant that is "tú", since the customer is spoken of and nothing is promised to anybody."""
    read = TU_LEFT.sub(" · ", TO_PARLO.sub(" · ", _read(text)))
    if any(pattern.search(read) for pattern in (PROMISED, USTED, COURTESY, COMES)):
        return False
    return tells_of_customer(text)


def tells_of_customer(text: str) -> bool:
    """Whether the customer is spoken of: "ella", "la señora", "ya le expliqué", "quedó contenta"."""
    return ABOUT_CUSTOMER.search(_read(text)) is not None or I_DID.search(text.lower()) is not None


def _read(text: str) -> str:
    """The text folded, its chat spelling written out, line breaks kept."""
    return "\n".join(fold(expand_chat_spelling(line)) for line in text.splitlines())
