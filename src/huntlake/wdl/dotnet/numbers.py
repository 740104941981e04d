"""Numbers in texts, as .NET reads and formats them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, localcontext

from huntlake.wdl.expressions.values import LARGEST, SMALLEST, Fault

LARGEST_DECIMAL = 2**96 - 1
CONTEXT = Context(prec=120)


@dataclass(frozen=True)
class Culture:
    """How a culture writes numbers."""

    point: str = "."
    group: str = ","
    infinity: str = "∞"
    currency: str = "${}"
    percent: str = "{}%"


INVARIANT = Culture(infinity="Infinity", currency="¤{}", percent="{} %")
_ENGLISH = Culture()
_CULTURES = {
    "": INVARIANT,
    "en-us": _ENGLISH,
    "en-gb": Culture(currency="£{}"),
    "en-au": _ENGLISH,
    "en-ca": _ENGLISH,
    "de-de": Culture(",", ".", currency="{} €", percent="{} %"),
    "es-es": Culture(",", ".", currency="{} €", percent="{} %"),
    "it-it": Culture(",", ".", currency="{} €"),
    "nl-nl": Culture(",", ".", currency="€ {}"),
    "fr-fr": Culture(",", "\u202f", currency="{} €", percent="{} %"),
    "sv-se": Culture(",", "\u00a0", currency="{} kr", percent="{} %"),
    "ja-jp": Culture(currency="￥{}"),
}


def culture(locale: str | None) -> Culture:
    """How `locale` writes numbers; en-US where none is given. Raises `Fault` for one that isn't built in."""
    if locale is None:
        return _ENGLISH
    known = _CULTURES.get(locale.lower())
    if known is None:
        raise Fault(f"the locale `{locale}` is not supported")
    return known


def read_float(text: str, locale: str | None = None) -> float:
    """A float of text: signs before or behind, loose group marks. Raises `Fault`."""
    cultured = culture(locale)
    word = text.strip()
    if word.lower() == "nan":
        return math.nan
    for sign, value in (("", math.inf), ("+", math.inf), ("-", -math.inf)):
        if word.lower() == (sign + cultured.infinity).lower():
            return value
    digits = _digits(text, cultured, exponent=True, trailing_sign=True)
    if digits is None:
        raise Fault(f"could not parse `{text}` as float")
    return float(digits)


def read_decimal(text: str) -> Decimal:
    """A decimal of text, which keeps its scale. Raises `Fault`."""
    digits = _digits(text, _ENGLISH, exponent=False, trailing_sign=True)
    if digits is None:
        raise Fault(f"could not parse `{text}` as decimal")
    return fitting(Decimal(digits))


def read_int(text: str) -> int:
    """A whole number of text, by way of a double as the language has it. Raises `Fault`."""
    word = text.strip()
    if word.lower() == "nan":
        return SMALLEST
    digits = _digits(text, _ENGLISH, exponent=True, trailing_sign=False)
    if digits is None:
        raise Fault(f"could not parse `{text}` as int")
    return whole(float(digits), text)


def whole(value: float, shown: object) -> int:
    """The integer that a double is. Raises `Fault` where it is none, or outside of 64 bits."""
    if math.isnan(value):
        return SMALLEST
    if math.isinf(value) or value != int(value) or not SMALLEST <= int(value) <= LARGEST:
        raise Fault(f"could not parse `{shown}` as int")
    return int(value)


def fitting(value: Decimal) -> Decimal:
    """A decimal within 96 bits and 28 places. Raises `Fault` where it is too large."""
    with localcontext(CONTEXT):
        try:
            exponent = value.as_tuple().exponent
            assert isinstance(exponent, int)
            places = min(28, max(0, -exponent))
            # As many places as 96 bits hold.
            while True:
                rounded = value.quantize(Decimal(1).scaleb(-places))
                if abs(int(rounded.scaleb(places))) <= LARGEST_DECIMAL:
                    return rounded
                if places == 0:
                    break
                places -= 1
        except (InvalidOperation, AssertionError):
            pass
    raise Fault("the value is too large for a decimal")


def as_decimal(value: int | float | Decimal) -> Decimal:
    """A number as a decimal; of a float 15 digits. Raises `Fault` where it is too large."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Fault("the value is too large for a decimal")
        return fitting(Decimal(format(value, ".15g")))
    return fitting(Decimal(value))


_SHAPE = re.compile(r"([+-]?)([0-9,]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?([+-]?)")


def _digits(text: str, cultured: Culture, *, exponent: bool, trailing_sign: bool) -> str | None:
    """The text as Python reads numbers; None where it is none."""
    stripped = text.strip(" \t\r\n\v\f")
    if len(stripped) > 1000:
        return None
    # The culture's own marks become the invariant ones.
    ours = stripped.translate({ord(cultured.point): ".", ord(cultured.group): ",", ord(" "): None})
    if " " in stripped or not ours:
        return None
    match = _SHAPE.fullmatch(ours)
    if match is None:
        return None
    sign, whole_part, fraction, power, behind = match.groups()
    if (behind and (sign or not trailing_sign)) or (power and not exponent):
        return None
    digits = whole_part.replace(",", "")
    if (not digits and not fraction) or whole_part.startswith(","):
        return None
    if power and len(power) > 6:
        power = power[:6]
    minus = "-" if "-" in (sign, behind) else ""
    return f"{minus}{digits or '0'}" + (f".{fraction}" if fraction else "") + (f"e{power}" if power else "")


def formatted(value: int | float | Decimal, format: str, locale: str | None = None) -> str:
    """A number by a .NET format, standard or custom. Raises `Fault` for one that isn't built."""
    cultured = culture(locale)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else cultured.infinity if value > 0 else f"-{cultured.infinity}"
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    standard = re.fullmatch(r"([A-Za-z])([0-9]{0,2})", format)
    with localcontext(Context(prec=3000, rounding=ROUND_HALF_UP)):
        if standard:
            return _standard(exact, standard[1], standard[2], cultured, isinstance(value, int))
        return _custom(exact, format, cultured)


def _standard(value: Decimal, letter: str, precision: str, cultured: Culture, is_int: bool) -> str:
    places = int(precision) if precision else 2
    minus = "-" if value < 0 else ""
    match letter.upper():
        case "N":
            return _signed(value, places, True, cultured)
        case "F":
            return _signed(value, places, False, cultured)
        case "P":
            shown = cultured.percent.format(_grouped(abs(value) * 100, places, True, cultured))
            return minus + shown
        case "C":
            shown = cultured.currency.format(_grouped(abs(value), places, True, cultured))
            return minus + shown
        case "D" if is_int:
            return minus + str(abs(int(value))).rjust(int(precision or 1), "0")
        case "X" if is_int:
            digits = f"{int(value) & (2**64 - 1):X}" if value < 0 else f"{int(value):X}"
            return (digits if letter == "X" else digits.lower()).rjust(int(precision or 1), "0")
        case "E":
            digits, _, power = f"{value:.{int(precision) if precision else 6}E}".partition("E")
            return f"{digits.replace('.', cultured.point)}{letter}{power[0]}{power[1:].rjust(3, '0')}"
        case "G" if not precision or precision == "0":
            return f"{value.normalize():f}".replace(".", cultured.point)
    raise Fault(f"the number format `{letter}{precision}` is not supported for this value")


def _signed(value: Decimal, places: int, grouped: bool, cultured: Culture) -> str:
    shown = _grouped(abs(value), places, grouped, cultured)
    return f"-{shown}" if value < 0 and any(c in "123456789" for c in shown) else shown


def _grouped(value: Decimal, places: int, grouped: bool, cultured: Culture) -> str:
    digits = f"{value.quantize(Decimal(1).scaleb(-places)):{',' if grouped else ''}f}"
    return digits.translate({ord(","): cultured.group, ord("."): cultured.point})


def _custom(value: Decimal, format: str, cultured: Culture) -> str:
    sections = _sections(format)
    section = sections[0]
    if value < 0 and len(sections) > 1 and sections[1]:
        section, value = sections[1], -value
    elif value == 0 and len(sections) > 2:
        section = sections[2]
    tokens = re.findall(r"'[^']*'|\"[^\"]*\"|\\.|[0#.,%‰]|[Ee][+-]?0+|[^0#.,%‰'\"\\]", section)
    if any(t[0] in "Ee" and len(t) > 1 for t in tokens):
        raise Fault(f"the number format `{format}` is not supported: it has an exponent")
    marks = [t for t in tokens if t in "0#.,"]
    point = marks.index(".") if "." in marks else len(marks)
    before, behind = marks[:point], [m for m in marks[point + 1 :] if m in "0#"]
    while before and before[-1] == ",":
        before.pop()
        value /= 1000
    grouped = "," in before
    if "%" in tokens:
        value *= 100
    if "‰" in tokens:
        value *= 1000
    integers = [m for m in before if m in "0#"]
    least = len(integers) - integers.index("0") if "0" in integers else 0
    rounded = abs(value).quantize(Decimal(1).scaleb(-len(behind)))
    whole_digits, _, fraction = f"{rounded:f}".partition(".")
    whole_digits = whole_digits.lstrip("0").rjust(least, "0")
    needed = max((i + 1 for i, m in enumerate(behind) if m == "0"), default=0)
    fraction = fraction[:needed] + fraction[needed:].rstrip("0")
    if grouped:
        whole_digits = re.sub(r"(?<=\d)(?=(\d{3})+$)", cultured.group, whole_digits)
    number = whole_digits + (cultured.point + fraction if fraction else "")
    made, placed = [], False
    for token in tokens:
        if token in "0#.,":
            if not placed:
                made.append(number)
                placed = True
        elif token[0] in "'\"":
            made.append(token[1:-1])
        else:
            made.append(token[1] if token[0] == "\\" and len(token) > 1 else token)
    minus = "-" if value < 0 and any(c in "123456789" for c in number) else ""
    return minus + "".join(made)


def _sections(format: str) -> list[str]:
    parts = re.findall(r"(?:'[^']*'|\"[^\"]*\"|\\.|[^;])+|;", format)
    sections = [""]
    for part in parts:
        if part == ";":
            sections.append("")
        else:
            sections[-1] += part
    return sections
