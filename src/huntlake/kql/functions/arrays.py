"""Dynamic arrays."""

from __future__ import annotations

from collections.abc import Sequence

from huntlake.kql.forms import as_json, as_text
from huntlake.kql.symbols import (
    Bool,
    Datetime,
    Dynamic,
    Long,
    Naming,
    Real,
    Scalar,
    Sql,
    String,
    Timespan,
    Unsupported,
    scalar,
)
from huntlake.kql.types import NUMBERS, Column, ScalarType

# A lambda's parameter hides the column of its name: these names no column can have.
_X, _I, _L = '"~x"', '"~i"', '"~l"'


def elements(array: str) -> str:
    """The elements of a dynamic array as a SQL list of JSON, a JSON null as SQL's; null where it is no array."""
    return f"try_cast({array}::JSON as JSON[])"


def _let(list_: str, body: str) -> str:
    """`body`, in which `_L` is the list: what stands inside a lambda is computed anew for each element."""
    return f"list_transform([{list_}], lambda {_L}: {body})[1]"


def equals(element: str, value: str) -> str:
    """Whether a JSON element is the same as a KQL value."""
    kind = value.type if isinstance(value, Sql) else ScalarType.DYNAMIC
    if kind in NUMBERS:
        whole = kind in (ScalarType.INT, ScalarType.LONG)
        same = f"try_cast({element} as {'HUGEINT' if whole else 'DOUBLE'}) = {value}"
        return f"({number_of(element)} = {value} and {same})"
    if kind is ScalarType.BOOL:
        return f"({element} = ({value})::VARCHAR::JSON)"
    if kind is ScalarType.DYNAMIC:
        texts = f"json_extract_string({element}, '$') = json_extract_string({value}, '$')"
        return f"(json_type({element}) = json_type({value}::JSON) and {texts})"
    return f"(json_type({element}) = 'VARCHAR' and json_extract_string({element}, '$') = {as_text(value)})"


# -- made of arrays --------------------------------------------------------------------


@scalar("array_concat")
def array_concat(array: Dynamic, *arrays: Dynamic) -> Dynamic:
    """The elements of the arrays, one array behind the other.

    >>> array_concat(dynamic([1, 2]), dynamic(["a"]))
    dynamic([1,2,"a"])
    """
    parts = [elements(a) for a in (array, *arrays)]
    present = " and ".join(f"{p} is not null" for p in parts)
    return f"case when {present} then to_json(list_concat({', '.join(parts)})) end"


@scalar("array_iff", "array_iif")
def array_iff(condition_array: Dynamic, when_true: Scalar, when_false: Scalar) -> Dynamic:
    """For each condition, the element at its place of one array or value, or of the other.

    >>> array_iff(dynamic([true, false, true]), dynamic([1, 2, 3]), dynamic([4, 5, 6]))
    dynamic([1,5,3])
    >>> array_iff(dynamic([1, 0, "a"]), "yes", "no")
    dynamic(["yes","no",null])
    """
    condition = f"{_X}[1]"
    holds = f"case json_type({condition}) when 'BOOLEAN' then {condition} = 'true' else {number_of(condition)} <> 0 end"
    chosen = f"case {holds} when true then {_chosen(when_true, 2)} when false then {_chosen(when_false, 3)} end"
    conditions = elements(condition_array)
    rows = f"list_zip({conditions}, {_choices(when_true)}, {_choices(when_false)})[1:len({conditions})]"
    return f"case when {conditions} is not null then to_json(list_transform({rows}, lambda {_X}: {chosen})) end"


def _choices(value: str) -> str:
    return elements(value) if isinstance(value, Sql) and value.type is ScalarType.DYNAMIC else "null::JSON[]"


def _chosen(value: str, place: int) -> str:
    if isinstance(value, Sql) and value.type is ScalarType.DYNAMIC:
        return f"case when json_type({value}) = 'ARRAY' then {_X}[{place}] else {value}::JSON end"
    return as_json(value)


def _over(count: str, element: str) -> str:
    """An array of what `element` gives for each of the places 1 to `count`; null where the count is."""
    return f"to_json(list_transform(range(1, {count} + 1), lambda {_I}: {element}))"


@scalar("array_reverse")
def array_reverse(value: Dynamic) -> Dynamic:
    """The elements from the last to the first.

    >>> array_reverse(dynamic(["this", "is", "an", "example"]))
    dynamic(["example","an","is","this"])
    """
    return f"to_json(list_reverse({elements(value)}))"


@scalar("array_rotate_left")
def array_rotate_left(array: Dynamic, rotate_count: Long) -> Dynamic:
    """The elements moved to the left; those that fall out come in at the right.

    >>> array_rotate_left(dynamic([1, 2, 3, 4, 5]), 2)
    dynamic([3,4,5,1,2])
    """
    return _rotated(array, f"{rotate_count}")


@scalar("array_rotate_right")
def array_rotate_right(array: Dynamic, rotate_count: Long) -> Dynamic:
    """The elements moved to the right; those that fall out come in at the left.

    >>> array_rotate_right(dynamic([1, 2, 3, 4, 5]), 2)
    dynamic([4,5,1,2,3])
    """
    return _rotated(array, f"-({rotate_count})")


def _rotated(array: str, count: str) -> str:
    length = f"len({_L})"
    place = f"((({_I} - 1 + {count}) % {length}) + {length}) % {length} + 1"
    return _let(elements(array), _over(length, f"{_L}[{place}]"))


@scalar("array_shift_left")
def array_shift_left(array: Dynamic, shift_count: Long) -> Dynamic:
    """The elements moved to the left; what comes in at the right is null, or a given value.

    >>> array_shift_left(dynamic([1, 2, 3, 4, 5]), 2, -1)
    dynamic([3,4,5,-1,-1])
    """
    return _shifted(array, f"{shift_count}", "null")


@array_shift_left.overload
def _(array: Dynamic, shift_count: Long, default_value: Scalar) -> Dynamic:
    return _shifted(array, f"{shift_count}", as_json(default_value))


@scalar("array_shift_right")
def array_shift_right(array: Dynamic, shift_count: Long) -> Dynamic:
    """The elements moved to the right; what comes in at the left is null, or a given value.

    >>> array_shift_right(dynamic([1, 2, 3, 4, 5]), 2)
    dynamic([null,null,1,2,3])
    """
    return _shifted(array, f"-({shift_count})", "null")


@array_shift_right.overload
def _(array: Dynamic, shift_count: Long, default_value: Scalar) -> Dynamic:
    return _shifted(array, f"-({shift_count})", as_json(default_value))


def _shifted(array: str, count: str, default: str) -> str:
    place = f"({_I} + {count})"
    shifted = f"case when {place} between 1 and len({_L}) then {_L}[{place}] else {default} end"
    return _let(elements(array), _over(f"len({_L})", shifted))


@scalar("array_slice")
def array_slice(array: Dynamic, start: Long, end: Long) -> Dynamic:
    """The elements from one place to another, both of them included; a negative place counts from the end.

    >>> array_slice(dynamic([1, 2, 3, 4, 5]), 2, -1)
    dynamic([3,4,5])
    >>> array_slice(dynamic([1, 2, 3, 4, 5]), -3, -2)
    dynamic([3,4])
    """
    length = f"len({elements(array)})"
    first = f"case when {start} < 0 then greatest({length} + {start}, 0) else {start} end"
    last = f"case when {end} < 0 then greatest({length} + {end}, -1) else {end} end"
    return f"to_json({elements(array)}[({first}) + 1 : ({last}) + 1])"


@scalar("array_split")
def array_split(array: Dynamic, index: Long) -> Dynamic:
    """An array of the parts of the array that begin at the given places.

    >>> array_split(dynamic([1, 2, 3, 4, 5]), 2)
    dynamic([[1,2],[3,4,5]])
    >>> array_split(dynamic([1, 2, 3, 4, 5]), dynamic([1, 3]))
    dynamic([[1],[2,3],[4,5]])
    """
    return _split(array, f"[{index}::BIGINT]")


@array_split.overload
def _(array: Dynamic, indices: Dynamic) -> Dynamic:
    return _split(array, f"try_cast({indices}::JSON as BIGINT[])")


def _split(array: str, places: str) -> str:
    length = f"len({_L})"
    from_start = f"case when {_X} < 0 then greatest({length} + {_X}, 0) else least({_X}, {length}) end"
    bounds = f"list_concat([0], list_transform({places}, lambda {_X}: {from_start}), [{length}])"
    parts = f"to_json({_L}[({bounds})[{_I}] + 1 : ({bounds})[{_I} + 1]])"
    split = _let(elements(array), _over(f"len({places}) + 1", parts))
    return f"case when {elements(array)} is not null and {places} is not null then {split} end"


@scalar("zip")
def zip_(array: Dynamic, *arrays: Dynamic) -> Dynamic:
    """An array of the first elements of each array, of the second ones, and so on.

    >>> zip(dynamic([1, 3, 5]), dynamic([2, 4]))
    dynamic([[1,2],[3,4],[5,null]])
    """
    lists = [elements(a) for a in (array, *arrays)]
    rows = f"list_zip({', '.join(lists)})"
    row = ", ".join(f"{_X}[{n + 1}]" for n in range(len(lists)))
    any_array = " or ".join(f"{one} is not null" for one in lists)
    return f"case when {any_array} then to_json(list_transform({rows}, lambda {_X}: json_array({row}))) end"


@scalar("repeat", named=Naming.PREFIX_AND_ARGUMENT, prefix="repeat")
def repeat(value: Scalar, count: Long) -> Dynamic:
    """An array of one value, so many times.

    >>> repeat(1, 3)
    dynamic([1,1,1])
    """
    return f"case when {count} >= 0 then {_over(f'least({count}, {_MOST})', as_json(value))} end"


_MOST = 1_048_576
"""The elements that an array of a range may have."""


@scalar("range")
def range_(start: Long, stop: Long, step: Long = "1") -> Dynamic:
    """An array of values that are a step apart; no more than 1,048,576.

    >>> range(1, 8, 3)
    dynamic([1,4,7])
    >>> range(1h, 3h)
    dynamic(["01:00:00","02:00:00","03:00:00"])
    """
    distance = f"({stop}::HUGEINT - {start})"
    steps = f"{distance} // nullif({step}, 0)"
    return _range(distance, steps, f"{start} + {_I} * {step}", step, ScalarType.LONG)


@range_.overload
def _(start: Real, stop: Real, step: Real = "1") -> Dynamic:
    steps = f"floor(({stop} - {start}) / nullif({step}, 0) + 1e-9)"
    return _range("", steps, f"{start} + {_I} * {step}", step, ScalarType.REAL)


@range_.overload
def _(start: Timespan, stop: Timespan, step: Timespan = "36000000000") -> Dynamic:
    distance = f"({stop} - {start})"
    steps = f"{distance} // nullif({step}, 0)"
    return _range(distance, steps, f"{start} + {_I} * {step}", step, ScalarType.TIMESPAN)


@range_.overload
def _(start: Datetime, stop: Datetime, step: Timespan = "36000000000") -> Dynamic:
    micros = f"({step} // 10)"
    distance = f"(epoch_us({stop}) - epoch_us({start}))"
    steps = f"{distance} // nullif({micros}, 0)"
    return _range(distance, steps, f"make_timestamp(epoch_us({start}) + {_I} * {micros})", step, ScalarType.DATETIME)


def _range(distance: str, steps: str, element: str, step: str, kind: ScalarType) -> str:
    short = f"{steps} < 0"
    if kind is not ScalarType.REAL:
        # Division rounds toward zero: no step at all may be needed for a stop on the wrong side.
        short = f"({short} or {step} <> 0 and sign({distance}) = -sign({step}))"
    count = f"case when {short} then 0 when {steps} is not null then least({steps}, {_MOST - 1})::BIGINT + 1 end"
    return f"to_json(list_transform(range(0, {count}), lambda {_I}: {as_json(f'({element})', kind)}))"


# -- order ---------------------------------------------------------------------------------


def _sorted_columns(_: str, types: Sequence[ScalarType], names: Sequence[str]) -> tuple[Column, ...]:
    arrays = [i for i, type_ in enumerate(types) if type_ is ScalarType.DYNAMIC]
    return tuple(Column(f"{names[i] or f'array{i}'}_sorted", ScalarType.DYNAMIC) for i in arrays)


@scalar("array_sort_asc", columns=_sorted_columns)
def array_sort_asc(*arrays: Scalar) -> Dynamic:
    """The array in rising order; several arrays are as many columns, each in the order of the first.

    A last argument that is a bool says whether nulls come last, as they do without it.

    >>> array_sort_asc(dynamic([1, 10, 2, null]))
    dynamic([1,2,10,null])
    >>> array_sort_asc(dynamic([null, "blue", "yellow", "green"]), false)
    dynamic([null,"blue","green","yellow"])
    >>> array_sort_asc(dynamic([3, 1, 2]), dynamic(["a", "b", "c"]))
    (dynamic([1,2,3]), dynamic(["b","c","a"]))
    """
    return _sorted(arrays, descending=False)


@scalar("array_sort_desc", columns=_sorted_columns)
def array_sort_desc(*arrays: Scalar) -> Dynamic:
    """The array in falling order; several arrays are as many columns, each in the order of the first.

    >>> array_sort_desc(dynamic([1, 10, 2, null]))
    dynamic([10,2,1,null])
    """
    return _sorted(arrays, descending=True)


def _sorted(arguments: tuple[str, ...], descending: bool) -> str:
    arrays = list(arguments)
    nulls_last = True
    last = arrays[-1]
    if isinstance(last, Sql) and last.type is ScalarType.BOOL:
        if not isinstance(last.value, bool) or len(arrays) == 1:
            raise Unsupported("`nulls_last` that is not a constant")
        nulls_last = last.value
        arrays.pop()
    edge = 1 if nulls_last != descending else -1
    place = f"-{_I}" if descending else _I
    key = (
        f"{{'z': case when {_X} is null then {edge} else 0 end, "
        f"'t': case when json_type({_X}) in ('VARCHAR', 'OBJECT', 'ARRAY') then 1 else 0 end, "
        f"'n': try_cast({_X} as DOUBLE), 's': json_extract_string({_X}, '$'), 'i': {place}, 'v': {_X}}}"
    )
    order = "'desc'" if descending else "'asc'"
    first = elements(arrays[0])
    keys = f"list_sort(list_transform({first}, lambda {_X}, {_I}: {key}), {order})"
    if len(arrays) == 1:
        return f"to_json(list_transform({keys}, lambda {_X}: {_X}.v))"
    places = f"list_transform({keys}, lambda {_X}: abs({_X}.i))"
    reordered = [
        f"to_json(case when len({elements(a)}) = len({first}) then list_select({elements(a)}, {places}) end)"
        for a in arrays
    ]
    return f"case when {first} is not null then json_array({', '.join(reordered)}) end"


# -- asked of an array ----------------------------------------------------------------------


@scalar("array_index_of")
def array_index_of(
    array: Dynamic, value: Scalar, start: Long = "0", length: Long = "-1", occurrence: Long = "1"
) -> Long:
    """The zero-based place of a value, from `start` on and within `length`; -1 where it isn't there.

    >>> array_index_of(dynamic(["this", "is", "an", "example", "an"]), "an")
    2
    >>> array_index_of(dynamic([1, 2, 3, 1]), 1, 1)
    3
    >>> array_index_of(dynamic([1, 2]), "1")
    -1
    """
    first = f"case when {start} < 0 then greatest(len({elements(array)}) + {start}, 0) else {start} end"
    within = f"({length} < 0 or {_I} <= ({first}) + {length})"
    wanted = f"{_I} > ({first}) and {within} and {equals(_X, value)}"
    marked = f"list_transform({elements(array)}, lambda {_X}, {_I}: case when {wanted} then {_I} end)"
    places = f"list_filter({marked}, lambda {_X}: {_X} is not null)"
    return f"case when {elements(array)} is not null then coalesce(({places})[{occurrence}] - 1, -1) end"


@scalar("array_sum", "series_sum")
def array_sum(array: Dynamic) -> Real:
    """The sum of the numbers in an array; null where there is something else in it.

    >>> array_sum(dynamic([1, 2, 3, 4]))
    10.0
    """
    numbers = f"list_transform({elements(array)}, lambda {_X}: {number_of(_X)})"
    clean = f"len(list_filter({numbers}, lambda {_X}: {_X} is not null)) = len({elements(array)})"
    return f"case when {clean} then coalesce(list_sum({numbers}), 0e0) end"


def number_of(element: str) -> str:
    """The real that a JSON element is; null where it is no number."""
    return f"case when json_type({element}) in ('BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE') then {element}::DOUBLE end"


@scalar("set_has_element")
def set_has_element(set: Dynamic, value: Scalar) -> Bool:
    """Whether a value is among the elements.

    >>> set_has_element(dynamic(["this", "is"]), "is")
    true
    >>> set_has_element(dynamic([1, 2, 3]), 4)
    false
    """
    found = f"list_bool_or(list_transform({elements(set)}, lambda {_X}: coalesce({equals(_X, value)}, false)))"
    return f"case when {elements(set)} is not null then coalesce({found}, false) end"


@scalar("strcat_array", "array_strcat")
def strcat_array(array: Dynamic, delimiter: String) -> String:
    """The elements as one text, with a delimiter between them.

    >>> strcat_array(dynamic([1, "a", 3]), "->")
    "1->a->3"
    """
    texts = f"list_transform({elements(array)}, lambda {_X}: coalesce(json_extract_string({_X}, '$'), ''))"
    if isinstance(delimiter, Sql) and delimiter.constant:
        return f"coalesce(array_to_string({texts}, {delimiter}), '')"
    # The engine joins by a constant alone.
    joined = f"list_reduce({texts}, lambda {_X}, {_I}: {_X} || {delimiter} || {_I})"
    return f"coalesce(case when json_array_length({array}) > 0 then {joined} end, '')"
