"""How numbers, dates and namespaces are written where a format or a culture is less plain than the examples."""

import pytest
from tests.wdl.scope import evaluator

from huntlake.core.diagnostics import SourceError


@pytest.mark.parametrize(
    ("number", "format", "shown"),
    [
        ("1234567890", "(###) ###-####", "(123) 456-7890"),
        ("7", "000-00", "000-07"),
        ("1234.567", "00000", "01235"),
        ("0.004", "0.00;(0.00);-", "-"),
        ("-1234.5", "0.00;(0.00);-", "(1234.50)"),
        ("-0.4", "0;(0);zero", "zero"),
        ("-15", "0;;''z''", "-15"),
        ("1234567890", "#,##0,,", "1,235"),
        ("1234567.891", "#,#.00", "1,234,567.89"),
        ("0.00354", "#0.00‰", "3.54‰"),
        ("86000", "0.###E+0", "8.6E+4"),
        ("0.00086", "0.0e-000", "8.6e-004"),
        ("42", "\\#\\# 0", "## 42"),
        ("1234.5678", "G3", "1.23E+03"),
        ("0.00001234", "G", "1.234E-05"),
        ("12", "", "12"),
        ("12", "B8", "00001100"),
        ("-5", "abc", "-abc"),
    ],
)
def test_digits_go_into_the_places_of_a_number_format(number: str, format: str, shown: str) -> None:
    assert evaluator().text(f"@formatNumber({number}, '{format}')") == shown


def test_a_format_that_asks_for_thousands_of_digits_is_refused() -> None:
    with pytest.raises(SourceError, match="too many digits"):
        evaluator().text(f"@formatNumber(1e308, '0{'‰' * 999}')")


@pytest.mark.parametrize("format", ["N100", "Q", "D2"])
def test_a_format_that_a_number_has_not_is_refused(format: str) -> None:
    with pytest.raises(SourceError):
        evaluator().text(f"@formatNumber(1.5, '{format}')")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("formatNumber(17.35, 'C2', 'is-IS')", "17,35 kr"),
        ("formatNumber(1234567890, '#,##0.00', 'is-IS')", "1.234.567.890,00"),
        ("formatNumber(-1, 'C', 'nl-NL')", "€ -1,00"),
        ("formatNumber(-1, 'N', 'sv')", "\u22121,00"),
        ("formatDateTime('01/31/2016', 'dddd MMMM d', 'es-es')", "domingo enero 31"),
        ("formatDateTime('2024-03-05T13:05:06Z', 'dd/MM/yyyy HH:mm', 'de-DE')", "05.03.2024 13:05"),
        ("formatDateTime('2024-03-05T13:05:06Z', 'D', 'pl-PL')", "wtorek, 5 marca 2024"),
        ("formatDateTime('2024-03-05T13:05:06Z', 'MMMM yyyy', 'pl-PL')", "marzec 2024"),
        ("formatDateTime('2024-03-05T13:05:06Z', 'R', 'de-DE')", "Tue, 05 Mar 2024 13:05:06 GMT"),
        ("formatDateTime('2024-03-05T13:05:06Z', 'g', '')", "03/05/2024 13:05"),
        ("parseDateTime('20/10/2014', 'fr-fr')", "2014-10-20T00:00:00.0000000"),
        ("parseDateTime('20 octobre 2010', 'fr-FR')", "2010-10-20T00:00:00.0000000"),
        ("parseDateTime('dim. 7 janv. 2024', 'fr')", "2024-01-07T00:00:00.0000000"),
        ("parseDateTime('dim. 7/01/2024', 'fr', 'ddd d/MM/yyyy')", "2024-01-07T00:00:00.0000000"),
        ("parseDateTime('7.5.2024 15.04', 'fi')", "2024-05-07T15:04:00.0000000"),
        ("parseDateTime('3/5/2024', 'en-GB')", "2024-05-03T00:00:00.0000000"),
        ("parseDateTime('5 marca 2024', 'pl')", "2024-03-05T00:00:00.0000000"),
        ("parseDateTime('10/20/2014 15h', 'en-US', 'MM/dd/yyyy HH\\h')", "2014-10-20T15:00:00.0000000"),
        ("parseDateTime('1:05 PM', 'en-US', 'h:mm tt')", "2026-03-04T13:05:00.0000000"),
        ("isFloat('10.000,00', 'de-DE')", True),
    ],
)
def test_a_culture_writes_and_reads_in_its_own_way(asked: str, shown: object) -> None:
    assert evaluator().text(f"@{asked}") == shown


@pytest.mark.parametrize(
    "asked",
    ["formatDateTime('2024-03-05', 'D', 'xx-yy')", "formatNumber(1, 'N', 'xx-yy')", "parseDateTime('x', 'xx-yy')"],
)
def test_a_culture_that_is_not_built_in_is_refused_by_name(asked: str) -> None:
    with pytest.raises(SourceError, match="the locale `xx-yy` is not supported"):
        evaluator().text(f"@{asked}")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("formatDateTime('2016-01-31T00:00:00.99999999Z')", "2016-01-31T00:00:01.0000000Z"),
        ("convertTimeZone('2018-01-01T08:00:00Z', 'UTC', 'W Europe Standard Time', 's')", "2018-01-01T09:00:00"),
        ("uriHost('https://[::1]:80/a')", "[::1]"),
        ("uriPath('https://h/a b/./c/../d')", "/a%20b/d"),
        ("uriPathAndQuery('https://h/a?x=ä')", "/a?x=%C3%A4"),
        ("uriComponentToString('a%FFb%C3%A4%E2%82')", "a%FFbä%E2%82"),
        ("trim(decodeUriComponent('%C2%A0%1Ca%20'))", "\x1ca"),
        ("sort(createArray(true, false))", [False, True]),
        (
            "string(first(xpath(xml('<f xmlns=\"u:1\"><l a=\"1\">P</l></f>'), '/*/*')))",
            '<l a="1" xmlns="u:1">P</l>',
        ),
        ("xpath(xml('<f xmlns=\"u:1\"/>'), '/f')", []),
        ("xpath(xml('<f xml:lang=\"en\"/>'), '/f/@xml:lang')", ["en"]),
        (
            "string(first(xpath(xml('<f xmlns:y=\"u:2\"><l><y:m/></l></f>'), '/f/l')))",
            '<l><y:m xmlns:y="u:2" /></l>',
        ),
    ],
)
def test_what_dotnet_does_beside_the_plain_case(asked: str, shown: object) -> None:
    assert evaluator().text(f"@{asked}") == shown


@pytest.mark.parametrize(
    "asked",
    [
        "formatDateTime('Mon, 05 Mar 2024 13:05:06 GMT')",
        "formatDateTime('2024-03-05', 'd%')",
        "range(2147483640, 10)",
        "concat()",
        "parseDateTime('7 NİSAN 2024', 'tr')",
        "xpath(xml('<x:r xmlns:x=\"u\"/>'), '/x:r')",
    ],
)
def test_what_dotnet_refuses_is_refused(asked: str) -> None:
    with pytest.raises(SourceError):
        evaluator().text(f"@{asked}")
