"""Hashes, bits and chance."""

from __future__ import annotations

from huntlake.kql.forms import as_text
from huntlake.kql.symbols import Guid, Long, Naming, Real, Scalar, Sql, String, Whole, scalar
from huntlake.kql.types import ScalarType

_TICKS_TO_1970 = 621_355_968_000_000_000

# -- hashes --------------------------------------------------------------------------


@scalar("hash", "hash_xxhash64")
def hash_(source: Scalar, modulus: Long = "null::BIGINT") -> Long:
    """The xxHash64 of a text's UTF-8, or of a number's or time's eight bytes; with a modulus, its remainder.

    Kusto's reference prints the hashes of texts and datetimes, which these are, and warns that hashes may change.

    >>> hash("World")
    1846988464401551951
    >>> hash("World", 100)
    51
    >>> hash(datetime(2015-01-01))
    1380966698541616202
    """
    hashed = _hashed(source)
    given = not isinstance(modulus, Sql) or modulus.constant
    if modulus == "null::BIGINT" and not given:
        return hashed
    # The hash is an unsigned number there: its remainder isn't negative.
    unsigned = f"case when {hashed} < 0 then {hashed}::HUGEINT + 18446744073709551616 else {hashed} end"
    return f"(({unsigned}) % nullif({modulus}, 0))::BIGINT"


def _hashed(value: str) -> str:
    assert isinstance(value, Sql)
    match value.type:
        case ScalarType.INT | ScalarType.LONG | ScalarType.BOOL | ScalarType.TIMESPAN:
            return f"hl_xxhash64_number({value}::BIGINT)"
        case ScalarType.DATETIME:
            return f"hl_xxhash64_number(epoch_us({value}) * 10 + {_TICKS_TO_1970})"
        case ScalarType.REAL:
            return f"hl_xxhash64_real({value})"
    return f"hl_xxhash64({as_text(value)})"


@scalar("hash_md5")
def hash_md5(source: Scalar) -> String:
    """The MD5 of the value's text, in lower-case hexadecimal digits.

    >>> hash_md5("World")
    "f5a7924e621e84c9280a9a27e1bcb7f6"
    """
    return f"md5({as_text(source)})"


@scalar("hash_sha1")
def hash_sha1(source: Scalar) -> String:
    """The SHA-1 of the value's text, in lower-case hexadecimal digits.

    >>> hash_sha1("World")
    "70c07ec18ef89c5309bbb0937f3a6342411e1fdd"
    """
    return f"sha1({as_text(source)})"


@scalar("hash_sha256")
def hash_sha256(source: Scalar) -> String:
    """The SHA-256 of the value's text, in lower-case hexadecimal digits.

    >>> hash_sha256("World")
    "78ae647dc5544d227130a0682a51e30bc7777fbb6d8a8f17007463a3ecd1d524"
    """
    return f"sha256({as_text(source)})"


# -- bits ----------------------------------------------------------------------------


@scalar("binary_and", named=Naming.FIRST_ARGUMENT, total=True)
def binary_and(left: Whole, right: Whole) -> Long:
    """The bits that both have.

    >>> binary_and(12, 10)
    8
    """
    return f"{left}::BIGINT & {right}::BIGINT"


@scalar("binary_or", named=Naming.FIRST_ARGUMENT, total=True)
def binary_or(left: Whole, right: Whole) -> Long:
    """The bits that one of them has.

    >>> binary_or(5, 3)
    7
    """
    return f"{left}::BIGINT | {right}::BIGINT"


@scalar("binary_xor", named=Naming.FIRST_ARGUMENT, total=True)
def binary_xor(left: Whole, right: Whole) -> Long:
    """The bits that only one of them has.

    >>> binary_xor(5, 3)
    6
    """
    return f"xor({left}::BIGINT, {right}::BIGINT)"


@scalar("binary_not", named=Naming.FIRST_ARGUMENT, total=True)
def binary_not(value: Whole) -> Long:
    """The bits that it hasn't.

    >>> binary_not(100)
    -101
    """
    return f"~({value}::BIGINT)"


@scalar("binary_shift_left", named=Naming.FIRST_ARGUMENT)
def binary_shift_left(value: Whole, shift: Whole) -> Long:
    """The bits moved up by `shift` places, modulo 64; null where that is negative.

    >>> binary_shift_left(1, 2)
    4
    """
    # As a number the engine would refuse to shift a bit out of it.
    return f"case when {shift} >= 0 then ({value}::BIGINT::BIT << ({shift} % 64)::INTEGER)::BIGINT end"


@scalar("binary_shift_right", named=Naming.FIRST_ARGUMENT)
def binary_shift_right(value: Whole, shift: Whole) -> Long:
    """The bits moved down by `shift` places, modulo 64, the sign kept; null where that is negative.

    >>> binary_shift_right(5, 1)
    2
    """
    return f"case when {shift} >= 0 then {value}::BIGINT >> ({shift} % 64)::BIGINT end"


@scalar("bitset_count_ones", named=Naming.FIRST_ARGUMENT, total=True)
def bitset_count_ones(value: Whole) -> Long:
    """How many bits are set.

    >>> bitset_count_ones(42)
    3
    """
    return f"bit_count({value}::BIGINT)::BIGINT"


# -- chance --------------------------------------------------------------------------


@scalar("new_guid", total=True)
def new_guid() -> Guid:
    """A GUID of chance."""
    return "uuid()::VARCHAR"


@scalar("rand", named=Naming.FIRST_ARGUMENT, total=True)
def rand(number: Whole = "null::BIGINT") -> Real:
    """A real number of chance from 0 up to 1, or a whole one from 0 to `number` - 1."""
    if number == "null::BIGINT":
        return "random()"
    return f"case when {number} > 1 then floor(random() * {number}) else random() end"
