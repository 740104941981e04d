"""Numbers in texts, as .NET reads and formats them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, localcontext

from huntlake.wdl.dotnet.cultures import ENGLISH, Culture, culture
from huntlake.wdl.expressions.values import LARGEST, SMALLEST, Fault, float_text

LARGEST_DECIMAL = 2**96 - 1
CONTEXT = Context(prec=120)


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
    digits = _digits(text, ENGLISH, exponent=False, trailing_sign=True)
    if digits is None:
        raise Fault(f"could not parse `{text}` as decimal")
    return fitting(Decimal(digits))


def read_int(text: str) -> int:
    """A whole number of text, by way of a double as the language has it. Raises `Fault`."""
    word = text.strip()
    if word.lower() == "nan":
        return SMALLEST
    digits = _digits(text, ENGLISH, exponent=True, trailing_sign=False)
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
    """A number by a .NET format, standard or custom. Raises `Fault` for one that .NET doesn't know."""
    cultured = culture(locale)
    if isinstance(value, float) and not math.isfinite(value):
        return (
            "NaN" if math.isnan(value) else cultured.infinity if value > 0 else f"{cultured.minus}{cultured.infinity}"
        )
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    standard = re.fullmatch(r"([A-Za-z])([0-9]*)", format or "G")
    with localcontext(Context(prec=3000, rounding=ROUND_HALF_UP)):
        if standard is None:
            try:
                return _custom(exact, format, cultured)
            except InvalidOperation:
                raise Fault("the number has too many digits in this format") from None
        if len(standard[2]) > 2:
            raise Fault(f"the number format `{format}` is not supported: it asks for more than 99 digits")
        return _standard(exact, standard[1], standard[2], cultured, value)


def _standard(exact: Decimal, letter: str, precision: str, cultured: Culture, value: int | float | Decimal) -> str:
    places = int(precision) if precision else 2
    minus = cultured.minus if exact < 0 else ""
    match letter.upper():
        case "N":
            return _signed(exact, places, True, cultured)
        case "F":
            return _signed(exact, places, False, cultured)
        case "P":
            return minus + cultured.percent.format(_grouped(abs(exact) * 100, places, True, cultured))
        case "C":
            shown = _grouped(abs(exact), int(precision) if precision else cultured.cents, True, cultured)
            if exact < 0 and cultured.owed:
                return cultured.owed.format(shown)
            return minus + cultured.currency.format(shown)
        case "D" if isinstance(value, int):
            return minus + str(abs(value)).rjust(int(precision or 1), "0")
        case "X" if isinstance(value, int):
            digits = f"{value & (2**64 - 1):X}"
            return (digits if letter == "X" else digits.lower()).rjust(int(precision or 1), "0")
        case "B" if isinstance(value, int):
            return f"{value & (2**64 - 1):b}".rjust(int(precision or 1), "0")
        case "E":
            digits, _, power = f"{abs(exact):.{int(precision) if precision else 6}E}".partition("E")
            return f"{minus}{digits.replace('.', cultured.point)}{letter}{power[0]}{power[1:].rjust(3, '0')}"
        case "R" if not isinstance(value, Decimal):
            return minus + _general(abs(exact), 0, letter, cultured, value)
        case "G":
            return minus + _general(abs(exact), int(precision or 0), letter, cultured, value)
    raise Fault(f"`{letter}{precision}` is not a format of such a number")


def _general(exact: Decimal, precision: int, letter: str, cultured: Culture, value: int | float | Decimal) -> str:
    """The shorter of fixed and scientific form, to so many digits; 0 for as many as the number has."""
    if not precision:
        shown = float_text(abs(value)) if isinstance(value, float) else f"{exact:f}"
    else:
        rounded = Context(prec=precision, rounding=ROUND_HALF_UP).plus(exact)
        power = rounded.adjusted()
        # A decimal keeps the zeros behind its point.
        digits = rounded.normalize() if rounded else Decimal(0)
        if -5 <= power < precision:
            shown = f"{digits:f}"
        else:
            mantissa = f"{digits.scaleb(-power).normalize():f}"
            shown = f"{mantissa}E{'-' if power < 0 else '+'}{abs(power):02}"
    shown = shown.replace(".", cultured.point)
    return shown.replace("E", "e") if letter.islower() else shown


def _signed(value: Decimal, places: int, grouped: bool, cultured: Culture) -> str:
    shown = _grouped(abs(value), places, grouped, cultured)
    return f"{cultured.minus}{shown}" if value < 0 and any(c in "123456789" for c in shown) else shown


def _grouped(value: Decimal, places: int, grouped: bool, cultured: Culture) -> str:
    digits = f"{value.quantize(Decimal(1).scaleb(-places)):{',' if grouped else ''}f}"
    return digits.translate({ord(","): cultured.group, ord("."): cultured.point})


_CUSTOM = re.compile(r"'[^']*'?|\"[^\"]*\"?|\\.?|[Ee][+-]?0+|.", re.DOTALL)


@dataclass
class _Section:
    """What one section of a custom format says."""

    tokens: list[str]
    places: int = 0
    """How many digits it has room for, before and behind the point."""
    point: int = -1
    """How many of them are before it."""
    first_zero: int = -1
    last_zero: int = 0
    shift: int = 0
    """By how many powers of ten the number is moved: `%`, and commas before the point."""
    grouped: bool = False
    scientific: bool = False

    @classmethod
    def of(cls, tokens: list[str]) -> _Section:
        """The section that has these tokens."""
        made = cls(tokens)
        commas_at, commas = -1, 0
        for token in tokens:
            if token in "#0":
                if token == "0":
                    made.first_zero = made.places if made.first_zero < 0 else made.first_zero
                    made.last_zero = made.places + 1
                made.places += 1
            elif token == "." and made.point < 0:
                made.point = made.places
            elif token == "," and made.places and made.point < 0:
                made.grouped |= commas_at >= 0 and commas_at != made.places
                commas_at, commas = made.places, commas + 1 if commas_at == made.places else 1
            elif token in "%‰":
                made.shift += 2 if token == "%" else 3
            made.scientific |= len(token) > 1 and token[0] in "Ee"
        if made.point < 0:
            made.point = made.places
        if commas_at == made.point:
            made.shift -= 3 * commas
        elif commas_at >= 0:
            made.grouped = True
        return made

    def rounded(self, value: Decimal) -> Decimal:
        """The number as this section shows it, to its last digit."""
        if self.scientific:
            return Context(prec=max(self.places, 1), rounding=ROUND_HALF_UP).plus(value)
        return value.scaleb(self.shift).quantize(Decimal(1).scaleb(self.point - self.places))


def _custom(value: Decimal, format: str, cultured: Culture) -> str:
    sections = _sections(format)

    def section(index: int) -> int:
        return index if index < len(sections) and sections[index] else 0

    chosen = section(2 if value == 0 else 1 if value < 0 else 0)
    made = _Section.of(sections[chosen])
    rounded = made.rounded(abs(value))
    if rounded == 0 and section(2) != chosen:
        # What becomes zero is shown as zero is.
        chosen = section(2)
        made = _Section.of(sections[chosen])
        rounded = made.rounded(Decimal(0))
    # The sign stands where no section of its own was chosen for what is negative.
    minus = cultured.minus if value < 0 and rounded and chosen == 0 else ""
    return minus + "".join(_filled(made, rounded, cultured))


def _filled(section: _Section, value: Decimal, cultured: Culture) -> Iterator[str]:
    """The section with the digits of a number in its places."""
    scale = value.adjusted() + 1 if value else 0
    digits = "".join(map(str, value.as_tuple().digits)).rstrip("0") if value else ""
    if section.scientific:
        extra, place = 0, section.point
    else:
        extra, place = scale - section.point, max(scale, section.point)
    zeros_to = section.point - section.first_zero if 0 <= section.first_zero < section.point else 0
    zeros_behind = min(section.point - section.last_zero, 0)
    used = 0

    def mark() -> str:
        return cultured.group if section.grouped and place > 1 and (place - 1) % 3 == 0 else ""

    for token in section.tokens:
        if token in "#0.":
            while extra > 0:
                yield (digits[used] if used < len(digits) else "0") + mark()
                used, place, extra = used + 1, place - 1, extra - 1
        if token in "#0":
            digit = ""
            if extra < 0:
                extra += 1
                digit = "0" if place <= zeros_to else ""
            elif used < len(digits):
                digit, used = digits[used], used + 1
            elif place > zeros_behind:
                digit = "0"
            if digit:
                yield digit + mark()
            place -= 1
        elif token == ".":
            if place == 0 and (zeros_behind < 0 or (section.point < section.places and used < len(digits))):
                yield cultured.point
        elif len(token) > 1 and token[0] in "Ee":
            power = scale - section.point if digits else 0
            sign = cultured.minus if power < 0 else "+" if token[1] == "+" else ""
            yield token[0] + sign + str(abs(power)).rjust(token.count("0"), "0")
        elif token[0] in "'\"":
            yield token.strip(token[0])
        elif token[0] == "\\":
            yield token[1:]
        elif token != ",":
            yield token


def _sections(format: str) -> list[list[str]]:
    sections: list[list[str]] = [[]]
    for token in _CUSTOM.findall(format):
        if token == ";":
            sections.append([])
        else:
            sections[-1].append(token)
    return sections
