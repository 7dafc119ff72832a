"""Greetings, in the language that a person likes best among those known here."""

GREETINGS = {"de": "Guten Tag", "en": "Hello", "es": "Hola", "fr": "Bonjour", "it": "Buongiorno"}
DEFAULT = "en"
NAME_LIMIT = 100


def preferred(accept_language):
    """The best known language of an Accept-Language header (RFC 9110, section 12.5.4)."""
    best, best_weight = DEFAULT, 0.0
    for item in (accept_language or "").split(","):
        tag, _, weight = item.partition(";")
        language = tag.strip().lower().split("-")[0]
        value = quality(weight)
        if language == "*":
            language = DEFAULT
        # The first of equals wins: that is the order in which browsers list them.
        if language in GREETINGS and value > best_weight:
            best, best_weight = language, value
    return best


def quality(text):
    """The weight of `q=0.8`; 1 where none is given, 0 where it cannot be read."""
    name, _, value = text.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if name.strip() == "q" and 0 <= weight <= 1 else 0.0


def greeting(language, name):
    """`Guten Tag, Ada`; raises ValueError for a language that is not known here."""
    if language not in GREETINGS:
        raise ValueError("lang must be one of " + ", ".join(GREETINGS))
    if len(name) > NAME_LIMIT:
        raise ValueError(f"name must have at most {NAME_LIMIT} letters")
    return GREETINGS[language] + (f", {name}" if name else "")
