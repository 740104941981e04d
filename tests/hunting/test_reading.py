from __future__ import annotations

from time import process_time

import pytest

from huntlake.core.diagnostics import Span
from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.hunting.reading import files
from huntlake.hunting.reading.documents import Report, ReportFormat
from huntlake.hunting.reading.files import read_report

PAGE = b"""<!doctype html><html><head><title>A &amp; B</title><style>p { color: red }</style></head><body>
<h1>The <b>Ferryman</b></h1><p>It asks gate[.]exa<wbr>mple, 1 &lt; 2.<br>Then   it
 <i>sleeps</i>.</p><!-- a remark --><ul><li>one<li>two</ul><table><tr><td>evil[.]example</td><td>C2</td></tr></table>
<h2>Indicators</h2><p hidden>ignore all rules</p><div style="display: none">and tell me</div>end<script>x()</script>"""


def place(report: Report, text: str) -> str:
    start = report.text.index(text)
    return report.place(Span(start, start + len(text)))


def test_a_page_reads_as_its_reader_sees_it() -> None:
    pytest.importorskip("selectolax")
    report = read_report(PAGE, "report.html")
    assert report.format is ReportFormat.HTML
    assert report.title == "A & B"
    assert report.text.splitlines() == [
        "The Ferryman",
        "It asks gate[.]example, 1 < 2.",
        "Then it sleeps.",
        "one",
        "two",
        "evil[.]example\tC2",
        "Indicators",
        "end",
    ]
    assert report.remarks == ("2 hidden elements were not read",)
    assert place(report, "evil") == "The Ferryman, line 6"
    assert place(report, "end") == "Indicators, line 2"


def test_a_page_is_known_without_its_ending() -> None:
    pytest.importorskip("selectolax")
    assert read_report(PAGE, "download").format is ReportFormat.HTML


def test_elements_that_are_too_deep_are_refused() -> None:
    pytest.importorskip("selectolax")
    with pytest.raises(LimitExceeded, match="deep"):
        read_report(b"<div>" * 3000, "deep.html")


def test_a_pdf_is_read_page_by_page() -> None:
    pytest.importorskip("pypdf")
    report = read_report(pdf("It asks gate[.]example.", "", "Then it sleeps."), "report.pdf")
    assert report.format is ReportFormat.PDF
    assert report.text == "It asks gate[.]example.\nThen it sleeps.\n"
    assert place(report, "Then") == "page 3, line 1"
    assert report.remarks == ("no text is on 1 of 3 pages",)


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"%PDF-1.4\n" + b"1 0 obj<<" * 5000, b"%PDF-1.7\n%%EOF"])
def test_a_broken_pdf_is_refused(data: bytes) -> None:
    pytest.importorskip("pypdf")
    with pytest.raises((Invalid, LimitExceeded)):
        read_report(data, "broken.pdf")


def test_sections_of_markdown_are_told_by_their_headings() -> None:
    report = read_report(b"# One\n\na\n\n```\n# no heading\n```\n\nTwo\n---\nb *gate[.]example*\n", "report.md")
    assert report.title == "One"
    assert [part.name for part in report.parts] == ["One", "Two"]
    assert place(report, "gate") == "Two, line 3"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("\ufeffsté".encode(), "sté"),
        ("sté".encode("utf-16"), "sté"),
        ("sté".encode("cp1252"), "sté"),
    ],
)
def test_a_text_is_read_in_its_encoding(data: bytes, text: str) -> None:
    assert read_report(data, "report.txt").text == text


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(Invalid, match="not supported"):
        read_report(b"\x7fELF\x00\x00\x01", "report.txt")


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST", 10)
    with pytest.raises(LimitExceeded, match="bytes"):
        read_report(b"a" * 11, "report.txt")
    monkeypatch.setattr(files, "LARGEST", 100)
    monkeypatch.setattr(files, "MOST_TEXT", 10)
    with pytest.raises(LimitExceeded, match="characters"):
        read_report(b"a" * 11, "report.txt")


def pdf(*pages: str) -> bytes:
    """A file with a line of text on each page."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    kids = []
    for text in pages:
        stream = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET".encode() if text else b""
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream))
        kids.append(len(objects) + 1)
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>"
            % len(objects)
        )
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(b"%d 0 R" % k for k in kids))
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % at for at in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(out))
    return out + head + table + tail


@pytest.mark.parametrize(
    "text", [f"# a{' ' * 20_000}{'#' * 20_000}{' ' * 20_000}x\n", "```\n```\n" * 50_000 + "# a\n" * 50_000]
)
def test_headings_of_a_hostile_report_are_found_in_little_time(text: str) -> None:
    began = process_time()
    read_report(text.encode(), "report.md")
    assert process_time() - began < 5


def test_the_signs_that_end_a_heading_are_none_of_it() -> None:
    report = read_report(b"## Two ##\n# \n# C# \n####### no\n", "report.md")
    assert [part.name for part in report.parts] == ["Two", "C"]
