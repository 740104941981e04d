"""The text of a PDF, page by page."""

from __future__ import annotations

from io import BytesIO

from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.hunting.reading.documents import MOST_TEXT, Part, Report, ReportFormat

MOST_PAGES = 2_000


def pages_of_pdf(data: bytes, name: str) -> Report:
    """What the pages of a file say. A page of pictures says nothing, and that it does is remarked."""
    try:
        import pypdf
        from pypdf.errors import PyPdfError
    except ImportError:
        raise Invalid("reading PDF is not supported without the package pypdf: install huntlake[pdf]") from None
    try:
        file = pypdf.PdfReader(BytesIO(data))
        if file.is_encrypted and not file.decrypt(""):
            raise Invalid("a PDF that asks for a password is not supported")
        count = len(file.pages)
        if count > MOST_PAGES:
            raise LimitExceeded(f"it has {count:,} pages, and {MOST_PAGES:,} are read at most")
        title = str((file.metadata or {}).get("/Title") or "")
        pieces, parts, empty, length = [], [], [], 0
        for number, page in enumerate(file.pages, start=1):
            said = page.extract_text().replace("\x00", "").strip()
            if not said:
                empty.append(number)
                continue
            parts.append(Part(length, f"page {number}"))
            pieces.append(said + "\n")
            length += len(said) + 1
            if length > MOST_TEXT:
                raise LimitExceeded(f"its text is longer than {MOST_TEXT:,} characters")
    except (PyPdfError, RecursionError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        # What is wrong with a broken file shows wherever its reader stumbles.
        raise Invalid(f"that is no PDF that can be read: {str(error)[:200]}") from None
    remarks = (f"no text is on {len(empty):,} of {count:,} pages",) if empty else ()
    return Report(name, ReportFormat.PDF, "".join(pieces), title, tuple(parts), remarks)
