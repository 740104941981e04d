"""Mathematics."""

from __future__ import annotations

from huntlake.kql.symbols import (
    Bool,
    Datetime,
    Decimal,
    Int,
    Long,
    Naming,
    Number,
    O,
    Real,
    Sql,
    Timespan,
    Unsupported,
    scalar,
)

# -- signs and rounding ------------------------------------------------------------------


@scalar("abs", named=Naming.FIRST_ARGUMENT, total=True)
def abs_(number: Long) -> Long:
    """The absolute value.

    >>> abs(-5)
    5
    >>> abs(-1h)
    1h
    """
    return f"abs({number})"


@abs_.overload
def _(number: Decimal) -> Decimal:
    return f"abs({number})"


@abs_.overload
def _(number: Real) -> Real:
    return f"abs({number})"


@abs_.overload
def _(number: Timespan) -> Timespan:
    return f"abs({number})"


@scalar("sign", total=True)
def sign(number: Number) -> Real:
    """-1, 0 or 1, as the number is below zero, zero or above.

    >>> sign(-42)
    -1.0
    """
    return f"sign({number})::DOUBLE"


@scalar("ceiling", named=Naming.FIRST_ARGUMENT, total=True)
def ceiling(number: Int) -> Int:
    """The least whole number that isn't less.

    >>> ceiling(1.1)
    2.0
    >>> ceiling(-1.1)
    -1.0
    """
    return f"{number}"


@ceiling.overload
def _(number: Long) -> Long:
    return f"{number}"


@ceiling.overload
def _(number: Decimal) -> Decimal:
    return f"ceil({number})::DECIMAL(38,18)"


@ceiling.overload
def _(number: Real) -> Real:
    return f"ceil({number})"


@scalar("round", named=Naming.FIRST_ARGUMENT)
def round_(number: Int, precision: Long = "0") -> Int:
    """The number rounded to so many digits behind the point; a negative precision rounds before it.

    >>> round(2.98765, 3)
    2.988
    >>> round(-50.55, -2)
    -100.0
    >>> round(2.15, 1)
    2.2
    """
    return f"round({number}, least({precision}, 0)::INTEGER)::INTEGER"


@round_.overload
def _(number: Long, precision: Long = "0") -> Long:
    return f"round({number}, least({precision}, 0)::INTEGER)::BIGINT"


@round_.overload
def _(number: Decimal, precision: Long = "0") -> Decimal:
    # The digits that DuckDB rounds a decimal to must be a constant.
    if not isinstance(precision, Sql) or not isinstance(precision.value, int):
        raise Unsupported("a precision that is not a constant, for a decimal")
    return f"round({number}, {precision.value})::DECIMAL(38,18)"


@round_.overload
def _(number: Real, precision: Long = "0") -> Real:
    return f"round({number}, {precision}::INTEGER)"


# -- powers and logarithms ---------------------------------------------------------------


@scalar("exp", named=Naming.FIRST_ARGUMENT)
def exp(number: Real) -> Real:
    """e to the power of `number`.

    >>> exp(0)
    1.0
    """
    return f"exp({number})"


@scalar("exp2", named=Naming.FIRST_ARGUMENT)
def exp2(number: Real) -> Real:
    """2 to the power of `number`.

    >>> exp2(3)
    8.0
    """
    return f"pow(2e0, {number})"


@scalar("exp10", named=Naming.FIRST_ARGUMENT)
def exp10(number: Real) -> Real:
    """10 to the power of `number`.

    >>> exp10(3)
    1000.0
    """
    return f"pow(10e0, {number})"


@scalar("pow", named=Naming.FIRST_ARGUMENT)
def pow_(base: Real, exponent: Real) -> Real:
    """`base` to the power of `exponent`.

    >>> pow(2, 3)
    8.0
    """
    return f"pow({base}, {exponent})"


@scalar("sqrt", named=Naming.FIRST_ARGUMENT)
def sqrt(number: Real) -> Real:
    """The square root; null of what is below zero.

    >>> sqrt(256)
    16.0
    >>> isnull(sqrt(-1))
    true
    """
    return f"case when {number} >= 0 then sqrt({number}) end"


@scalar("log", named=Naming.FIRST_ARGUMENT)
def log(number: Real) -> Real:
    """The natural logarithm; null of what is below zero.

    >>> log(1)
    0.0
    """
    return f"case when {number} >= 0 then ln({number}) end"


@scalar("log2", named=Naming.FIRST_ARGUMENT)
def log2(number: Real) -> Real:
    """The logarithm to the base of 2; null of what is below zero.

    >>> log2(8)
    3.0
    """
    return f"case when {number} >= 0 then log2({number}) end"


@scalar("log10", named=Naming.FIRST_ARGUMENT)
def log10(number: Real) -> Real:
    """The logarithm to the base of 10; null of what is below zero.

    >>> log10(1000)
    3.0
    """
    return f"case when {number} >= 0 then log10({number}) end"


# -- angles --------------------------------------------------------------------------------


@scalar("sin", named=Naming.FIRST_ARGUMENT)
def sin(number: Real) -> Real:
    """The sine of an angle in radians.

    >>> round(sin(1), 6)
    0.841471
    """
    return f"sin({number})"


@scalar("cos", named=Naming.FIRST_ARGUMENT)
def cos(number: Real) -> Real:
    """The cosine of an angle in radians.

    >>> cos(0)
    1.0
    """
    return f"cos({number})"


@scalar("tan", named=Naming.FIRST_ARGUMENT)
def tan(number: Real) -> Real:
    """The tangent of an angle in radians.

    >>> tan(0)
    0.0
    """
    return f"tan({number})"


@scalar("cot")
def cot(number: Real) -> Real:
    """The cotangent of an angle in radians.

    >>> round(cot(1), 6)
    0.642093
    """
    return f"1e0 / tan({number})"


@scalar("asin", named=Naming.FIRST_ARGUMENT)
def asin(number: Real) -> Real:
    """The angle whose sine is `number`; null where there is none.

    >>> round(asin(0.5), 6)
    0.523599
    """
    return f"case when abs({number}) <= 1 then asin({number}) end"


@scalar("acos", named=Naming.FIRST_ARGUMENT)
def acos(number: Real) -> Real:
    """The angle whose cosine is `number`; null where there is none.

    >>> acos(1)
    0.0
    """
    return f"case when abs({number}) <= 1 then acos({number}) end"


@scalar("atan", named=Naming.FIRST_ARGUMENT)
def atan(number: Real) -> Real:
    """The angle whose tangent is `number`.

    >>> atan(0)
    0.0
    """
    return f"atan({number})"


@scalar("atan2", named=Naming.FIRST_ARGUMENT)
def atan2(y: Real, x: Real) -> Real:
    """The angle between the x axis and the ray to the point (x, y).

    >>> round(atan2(1, 1), 6)
    0.785398
    """
    return f"atan2({y}, {x})"


@scalar("pi", total=True)
def pi() -> Real:
    """The circumference of a circle whose diameter is 1.

    >>> round(pi(), 5)
    3.14159
    """
    return "pi()"


@scalar("degrees")
def degrees(radians: Real) -> Real:
    """An angle in radians, in degrees.

    >>> round(degrees(pi() / 4), 6)
    45.0
    """
    return f"degrees({radians})"


@scalar("radians")
def radians(degrees: Real) -> Real:
    """An angle in degrees, in radians.

    >>> round(radians(90), 6)
    1.570796
    """
    return f"radians({degrees})"


# -- kinds of reals ---------------------------------------------------------------------------


@scalar("isnan", total=True)
def isnan(number: Real) -> Bool:
    """Whether the number is not a number.

    >>> isnan(real(nan))
    true
    """
    return f"isnan({number})"


@scalar("isinf", total=True)
def isinf(number: Real) -> Bool:
    """Whether the number is infinite.

    >>> isinf(1.0 / 0.0)
    true
    """
    return f"isinf({number})"


@scalar("isfinite", total=True)
def isfinite(number: Real) -> Bool:
    """Whether the number is neither infinite nor not a number.

    >>> isfinite(1.0 / 0.0)
    false
    """
    return f"isfinite({number})"


# -- extremes and bins ---------------------------------------------------------------------------


@scalar("max_of")
def max_of(arg: O, *args: O) -> O:
    """The greatest of the values; nulls don't count where there is something else.

    >>> max_of(10, 1, -3, 17)
    17
    """
    return f"greatest({', '.join((arg, *args))})"


@scalar("min_of")
def min_of(arg: O, *args: O) -> O:
    """The least of the values; nulls don't count where there is something else.

    >>> min_of(10, 1, -3, 17)
    -3
    """
    return f"least({', '.join((arg, *args))})"


@scalar("bin_at", named=Naming.FIRST_ARGUMENT)
def bin_at(value: Long, bin_size: Long, fixed_point: Long) -> Long:
    """`value` rounded down to a multiple of `bin_size`, counted from `fixed_point`.

    >>> bin_at(6.5, 2.5, 7)
    4.5
    >>> bin_at(time(1h), 1d, 12h)
    -12h
    >>> bin_at(datetime(2017-05-15 10:20:00.0), 1d, datetime(1970-01-01 12:00:00.0))
    datetime(2017-05-14 12:00)
    """
    return _binned(value, bin_size, fixed_point)


@bin_at.overload
def _(value: Real, bin_size: Real, fixed_point: Real) -> Real:
    size = f"case when {bin_size} > 0 then {bin_size} end"
    return f"floor(({value} - {fixed_point}) / ({size})) * {bin_size} + {fixed_point}"


@bin_at.overload
def _(value: Timespan, bin_size: Timespan, fixed_point: Timespan) -> Timespan:
    return _binned(value, bin_size, fixed_point)


@bin_at.overload
def _(value: Datetime, bin_size: Timespan, fixed_point: Datetime) -> Datetime:
    return f"make_timestamp({_binned(f'epoch_us({value})', f'({bin_size} // 10)', f'epoch_us({fixed_point})')})"


def _binned(value: str, size: str, start: str) -> str:
    # The remainder that DuckDB gives has the sign of the dividend.
    width = f"(case when {size} > 0 then {size}::BIGINT end)"
    distance = f"({value} - {start})"
    return f"{value} - (({distance} % {width}) + {width}) % {width}"


# -- special functions ------------------------------------------------------------------------------


@scalar("gamma", named=Naming.FIRST_ARGUMENT)
def gamma(number: Real) -> Real:
    """The gamma function: of a whole number, the factorial of the one before.

    >>> gamma(5)
    24.0
    """
    return f"try(gamma({number}))"


@scalar("loggamma", named=Naming.FIRST_ARGUMENT)
def loggamma(number: Real) -> Real:
    """The natural logarithm of the gamma function's absolute value.

    >>> round(loggamma(5), 6)
    3.178054
    """
    return f"try(lgamma({number}))"


@scalar("erf", named=Naming.FIRST_ARGUMENT)
def erf(number: Real) -> Real:
    """The error function.

    >>> round(erf(0.5), 6)
    0.5205
    """
    return f"hl_erf({number})"


@scalar("erfc", named=Naming.FIRST_ARGUMENT)
def erfc(number: Real) -> Real:
    """What the error function leaves of 1.

    >>> round(erfc(0.5), 6)
    0.4795
    """
    return f"hl_erfc({number})"


@scalar("beta_cdf")
def beta_cdf(x: Real, alpha: Real, beta: Real) -> Real:
    """The part of a beta distribution that lies below `x`.

    >>> round(beta_cdf(0.2, 10.0, 50.0), 6)
    0.76842
    """
    return f"hl_beta_cdf({x}, {alpha}, {beta})"


@scalar("beta_inv")
def beta_inv(probability: Real, alpha: Real, beta: Real) -> Real:
    """The value below which that part of a beta distribution lies.

    >>> round(beta_inv(0.1, 10.0, 20.0), 6)
    0.226415
    """
    return f"hl_beta_inv({probability}, {alpha}, {beta})"


@scalar("beta_pdf")
def beta_pdf(x: Real, alpha: Real, beta: Real) -> Real:
    """The density of a beta distribution at `x`.

    >>> round(beta_pdf(0.5, 10.0, 20.0), 6)
    0.746176
    """
    return f"hl_beta_pdf({x}, {alpha}, {beta})"


@scalar("welch_test")
def welch_test(mean1: Real, variance1: Real, count1: Real, mean2: Real, variance2: Real, count2: Real) -> Real:
    """The p-value of Welch's test, that two samples come from populations of one mean.

    >>> round(welch_test(10, 4, 100, 10.5, 5, 90), 6)
    0.107527
    """
    return f"hl_welch_test({mean1}, {variance1}, {count1}, {mean2}, {variance2}, {count2})"
