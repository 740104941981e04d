"""What holds at every place of the pages: anybody can use it, on any screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import NARROW, sign_in
from .hunts import before
from .places import PLACES, Place

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from .conftest import Demo

pytestmark = pytest.mark.timeout(600)

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module", autouse=True)
def worked_at(chromium: Browser, demo: Demo) -> None:
    before(chromium, demo)


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Page, place: Place, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: `make pages` does it")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    sign_in(page, at=place.address)
    place.arrive(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    told = [(v["id"], [n["html"][:160] for n in v["nodes"]][:4]) for v in serious]
    assert not told, json.dumps(told, indent=1)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_nothing_is_wider_than_a_telephone(page: Page, place: Place) -> None:
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    sign_in(page, at=place.address)
    place.arrive(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
