"""Pictures of every page for the documents, taken from the demo: `make pictures`."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from .conftest import WIDE, sign_in
from .hunts import before
from .places import PLACES, Place

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from .conftest import Demo

pytestmark = pytest.mark.timeout(900)

_COLOURS = 256
"""Enough for pages of few colours, and a third of the bytes."""


_HEAD = """# What the pages look like

Each place of [the pages](../pages.md), light and dark, over the demo. `make pictures` takes these pictures.

| place | light | dark |
|---|---|---|
"""


@pytest.fixture(scope="module")
def folder() -> Path:
    """Where the pictures go, with a page that lists them, and none of a place that is no more."""
    found = Path(os.environ["HUNTLAKE_PICTURES"])
    found.mkdir(parents=True, exist_ok=True)
    for old in found.glob("*.png"):
        old.unlink()
    rows = [
        f"| `{p.address}`{', and what opens there' if p.clicks else ''} "
        f"| ![{p.name}, light]({p.name}-light.png) | ![{p.name}, dark]({p.name}-dark.png) |\n"
        for p in PLACES
    ]
    (found / "README.md").write_text(_HEAD + "".join(rows), encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def lived_in(chromium: Browser, demo: Demo) -> Demo:
    """The demo, after people have worked with it for a while."""
    # Within: what a module imports by name, pytest would run there, too.
    from .test_journeys import test_a_report_becomes_a_hunt_that_another_person_approves as hunt
    from .test_playbook_journeys import test_a_playbook_waits_for_a_person_and_is_resubmitted as playbook

    def walk(journey: object) -> None:
        context = chromium.new_context(base_url=demo.url, ignore_https_errors=True, viewport=WIDE)  # type: ignore[arg-type]
        context.set_default_timeout(30_000)
        journey(context.new_page(), demo)  # type: ignore[operator]
        context.close()

    walk(hunt)
    walk(playbook)
    before(chromium, demo)
    return demo


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_picture_is_taken(page: Page, lived_in: Demo, folder: Path, place: Place, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    sign_in(page, at=place.address)
    place.arrive(page)
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    # The marks of severity are few points, and keep their colour.
    few = taken.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(folder / f"{place.name}-{scheme}.png", optimize=True)
