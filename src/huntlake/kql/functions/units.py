"""Units of measurement. A unit that isn't listed here is refused by its name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

from huntlake.kql.symbols import Real, String, Unsupported, scalar, text_of

T = TypeVar("T")

_PREFIXES = {
    "Femto": 1e-15,
    "Pico": 1e-12,
    "Nano": 1e-9,
    "Micro": 1e-6,
    "Milli": 1e-3,
    "Centi": 1e-2,
    "Deci": 1e-1,
    "Deca": 1e1,
    "Hecto": 1e2,
    "Kilo": 1e3,
    "Mega": 1e6,
    "Giga": 1e9,
    "Tera": 1e12,
    "Peta": 1e15,
}


def _prefixed(unit: str, prefixes: str, factor: float = 1.0) -> dict[str, float]:
    """A unit by its name, and with each of the prefixes before it."""
    return {unit: factor} | {f"{p}{unit.lower()}": factor * _PREFIXES[p] for p in prefixes.split()}


_ANGLES = {
    "Arcminute": math.pi / 10800,
    "Arcsecond": math.pi / 648000,
    "Gradian": math.pi / 200,
    "Revolution": 2 * math.pi,
    **_prefixed("Degree", "Nano Micro Milli", math.pi / 180),
    **_prefixed("Radian", "Nano Micro Milli Centi Deci"),
}
"""In radians."""

_LENGTHS = {
    "Chain": 20.1168,
    "Fathom": 1.8288,
    "Foot": 0.3048,
    "Hand": 0.1016,
    "Inch": 0.0254,
    "Kilofoot": 304.8,
    "Kiloyard": 914.4,
    "Microinch": 2.54e-8,
    "Mil": 2.54e-5,
    "Mile": 1609.344,
    "NauticalMile": 1852.0,
    "Yard": 0.9144,
    **_prefixed("Meter", "Femto Pico Nano Micro Milli Centi Deci Deca Hecto Kilo Mega Giga"),
}
"""In metres."""

_POUND = 0.45359237

_MASSES = {
    "Grain": _POUND / 7000,
    "Kilopound": _POUND * 1e3,
    "LongTon": _POUND * 2240,
    "Megapound": _POUND * 1e6,
    "Ounce": _POUND / 16,
    "Pound": _POUND,
    "ShortTon": _POUND * 2000,
    "Stone": _POUND * 14,
    **_prefixed("Gram", "Femto Pico Nano Micro Milli Centi Deci Deca Hecto Kilo", 1e-3),
    **_prefixed("Tonne", "Kilo Mega", 1e3),
}
"""In kilograms."""

_SPEEDS = {
    f"{length}Per{time}": metres / seconds
    for time, seconds in {"Second": 1.0, "Minute": 60.0, "Hour": 3600.0}.items()
    for length, metres in _LENGTHS.items()
    if length in _prefixed("Meter", "Nano Micro Milli Centi Deci Kilo") or length in ("Foot", "Inch", "Yard")
} | {"Knot": 1852 / 3600, "Mach": 340.29, "MilePerHour": 1609.344 / 3600}
"""In metres per second."""

_VOLUMES = {
    "AcreFoot": 1 / 0.000810714,
    "CubicFoot": 0.3048**3,
    "CubicInch": 0.0254**3,
    "CubicMile": 1609.344**3,
    "CubicYard": 0.9144**3,
    "ImperialGallon": 4.54609e-3,
    "UsGallon": 3.785411784e-3,
    **_prefixed("Liter", "Nano Micro Milli Centi Deci Deca Hecto Kilo Mega", 1e-3),
    **{f"Cubic{name}": factor**3 for name, factor in _prefixed("Meter", "Micro Milli Centi Deci Hecto Kilo").items()},
}
"""In cubic metres."""

_ENERGIES = {
    "BritishThermalUnit": 1055.05585262,
    "Calorie": 4.184,
    "ElectronVolt": 1.602176565e-19,
    "Erg": 1e-7,
    "Kilocalorie": 4184.0,
    "Megacalorie": 4.184e6,
    "KilowattHour": 3.6e6,
    "MegawattHour": 3.6e9,
    "GigawattHour": 3.6e12,
    "WattHour": 3600.0,
    **_prefixed("Joule", "Nano Micro Milli Kilo Mega Giga Tera Peta"),
}
"""In joules."""

_FORCES = {
    "Dyn": 1e-5,
    "KilogramForce": 9.80665,
    "KiloPond": 9.80665,
    "PoundForce": 4.4482216152605,
    "TonneForce": 9806.65,
    **_prefixed("Newton", "Micro Milli Deca Kilo Mega"),
}
"""In newtons."""


@scalar("convert_angle")
def convert_angle(value: Real, from_: String, to: String) -> Real:
    """An angle in another unit.

    >>> convert_angle(1.2, "Degree", "Arcminute")
    72.0
    """
    return _converted(value, from_, to, _ANGLES)


@scalar("convert_energy")
def convert_energy(value: Real, from_: String, to: String) -> Real:
    """An energy in another unit.

    >>> round(convert_energy(1.2, "Joule", "BritishThermalUnit"), 9)
    0.001137381
    """
    return _converted(value, from_, to, _ENERGIES)


@scalar("convert_force")
def convert_force(value: Real, from_: String, to: String) -> Real:
    """A force in another unit.

    >>> convert_force(1.2, "Newton", "Decanewton")
    0.12
    """
    return _converted(value, from_, to, _FORCES)


@scalar("convert_length")
def convert_length(value: Real, from_: String, to: String) -> Real:
    """A length in another unit.

    >>> round(convert_length(1.2, "Foot", "Meter"), 6)
    0.36576
    """
    return _converted(value, from_, to, _LENGTHS)


@scalar("convert_mass")
def convert_mass(value: Real, from_: String, to: String) -> Real:
    """A mass in another unit.

    >>> round(convert_mass(1.2, "Kilogram", "Pound"), 9)
    2.645547146
    """
    return _converted(value, from_, to, _MASSES)


@scalar("convert_speed")
def convert_speed(value: Real, from_: String, to: String) -> Real:
    """A speed in another unit.

    >>> round(convert_speed(1.2, "MeterPerSecond", "CentimeterPerHour"), 6)
    432000.0
    """
    return _converted(value, from_, to, _SPEEDS)


@scalar("convert_volume")
def convert_volume(value: Real, from_: String, to: String) -> Real:
    """A volume in another unit.

    >>> round(convert_volume(1.2, "CubicMeter", "AcreFoot"), 10)
    0.0009728568
    """
    return _converted(value, from_, to, _VOLUMES)


@scalar("convert_temperature")
def convert_temperature(value: Real, from_: String, to: String) -> Real:
    """A temperature in another unit.

    >>> round(convert_temperature(1.2, "Kelvin", "DegreeCelsius"), 6)
    -271.95
    >>> round(convert_temperature(212, "DegreeFahrenheit", "DegreeCelsius"), 6)
    100.0
    """
    # Each is a factor to kelvins, and the kelvins at its zero.
    units = {
        "DegreeCelsius": (1.0, 273.15),
        "DegreeDelisle": (-2 / 3, 373.15),
        "DegreeFahrenheit": (5 / 9, 459.67 * 5 / 9),
        "DegreeNewton": (100 / 33, 273.15),
        "DegreeRankine": (5 / 9, 0.0),
        "DegreeReaumur": (5 / 4, 273.15),
        "DegreeRoemer": (40 / 21, 273.15 - 7.5 * 40 / 21),
        "Kelvin": (1.0, 0.0),
    }
    (factor, zero), (to_factor, to_zero) = _unit(from_, units), _unit(to, units)
    return f"({value} * {factor!r}::DOUBLE + {zero - to_zero!r}::DOUBLE) / {to_factor!r}::DOUBLE"


def _converted(value: str, from_: str, to: str, units: Mapping[str, float]) -> str:
    return f"{value} * {_unit(from_, units) / _unit(to, units)!r}::DOUBLE"


def _unit(name: str, units: Mapping[str, T]) -> T:
    text = text_of(name, "a unit")
    if text not in units:
        raise Unsupported(f"the unit `{text}`")
    return units[text]
