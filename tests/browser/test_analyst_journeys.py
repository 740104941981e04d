"""What somebody does who sits before the pages all day: narrow an answer, follow a value, work through a queue."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .conftest import ask, sign_in
from .door import Door

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.timeout(600)

KEEP, LEAVE = "Keep only rows with this value", "Leave out rows with this value"

# Each column holds the value that is chosen in its first row, then others, and nothing at last.
VALUES = {
    "Text": ("string", r'"a \"b\" \\ | c // d\t"', '"A"', '""'),
    "Quote": ("string", '"it\'s; [1]"', '"it"', '""'),
    "Control": ("string", r'"one\ntwo\u0000\u2028žluť🐎"', '"one"', '""'),
    "Empty": ("string", '""', '"x"', '"y"'),
    "Whole": ("long", "-7", "7", "long(null)"),
    "Large": ("long", "long(9223372036854775807)", "long(9223372036854775806)", "long(null)"),
    "Small": ("int", "int(5)", "int(6)", "int(null)"),
    "Broken": ("real", "0.1 + 0.2", "0.3", "real(null)"),
    "Tiny": ("real", "1e-300", "-1e-300", "real(null)"),
    "NotANumber": ("real", "real(nan)", "0.5", "real(null)"),
    "Endless": ("real", "real(-inf)", "real(+inf)", "real(null)"),
    "Exact": ("decimal", "decimal(-12345678901234567890.125)", "decimal(1.5)", "decimal(null)"),
    "Yes": ("bool", "true", "false", "bool(null)"),
    "At": (
        "datetime",
        "datetime(2026-02-03 04:05:06.1234567)",
        "datetime(2026-02-03 04:05:06.1)",
        "datetime(null)",
    ),
    "Span": ("timespan", "-1d - 2h", "1tick", "timespan(null)"),
    "Id": (
        "guid",
        "guid(74be27de-1e4e-49d9-b579-fe0b331d3642)",
        "guid(74be27de-1e4e-49d9-b579-fe0b331d3643)",
        "guid(null)",
    ),
    "Digits": ("dynamic", 'dynamic("5")', "dynamic(5)", "dynamic(null)"),
    "Number": ("dynamic", "dynamic(5)", 'dynamic("5")', "dynamic(null)"),
    "Flag": ("dynamic", "dynamic(true)", 'dynamic("true")', "dynamic(null)"),
    "Nothing": ("long", "long(null)", "1", "2"),
    "NoBag": ("dynamic", "dynamic(null)", "dynamic({})", 'dynamic("")'),
    'a "b" | c': ("string", '"x"', '"y"', '""'),
    "by": ("string", '"x"', '"y"', '""'),
    "True": ("long", "1", "2", "3"),
}


def table() -> str:
    """A query whose rows hold in each column the value, another, and none."""
    rows = []
    for n in (1, 2, 3):
        cells = ", ".join(f"c{i} = {values[n]}" for i, values in enumerate(VALUES.values()))
        rows.append(f"(print Row = {n}, {cells})")
    named = ", ".join('["{}"] = c{}'.format(name.replace('"', '\\"'), i) for i, name in enumerate(VALUES))
    return f"union {', '.join(rows)}\n| project Row, {named}\n| sort by Row asc // all of them"


def menu(page: Page, column: int) -> None:
    """Open the menu of a value of the first row, by the keyboard alone."""
    grid = page.get_by_role("grid")
    grid.focus()
    page.keyboard.press("Control+Home")
    for _ in range(column):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+F10")


def rows(page: Page) -> list[str]:
    """What stands in the first column."""
    return page.locator(".grid-row .grid-cell:first-child").all_inner_texts()


def written(page: Page) -> str:
    """The last query that was run."""
    asked = page.evaluate("JSON.parse(localStorage.getItem('query history'))[0].text")
    assert isinstance(asked, str)
    return asked


@pytest.mark.parametrize(("what", "left"), [(KEEP, ["1"]), (LEAVE, ["2", "3"])])
def test_an_answer_is_narrowed_to_a_value_of_any_type(page: Page, what: str, left: list[str]) -> None:
    sign_in(page)
    text = table()
    ask(page, text)
    wrong = []
    for at, name in enumerate(VALUES, start=1):
        expect(page.get_by_role("grid")).to_contain_text("Row")
        expect(page.locator(".grid-row")).to_have_count(3)
        menu(page, at)
        page.get_by_role("menuitem", name=what).click()
        expect(page.locator(".grid-row")).to_have_count(len(left))
        if rows(page) != left:
            wrong.append((name, rows(page), written(page)))
        assert written(page).startswith(f"{text}\n| where ")
        page.locator(".monaco-editor .view-lines").click()
        page.keyboard.press("Control+z")
        page.keyboard.press("Shift+Enter")
    assert not wrong, wrong


def test_a_query_that_goes_on_behind_its_answer_gets_no_filter_there(page: Page) -> None:
    sign_in(page)
    ask(page, "print A = 1;\nlet B = print C = 2")
    expect(page.locator(".grid-row")).to_have_count(1)
    menu(page, 0)
    item = page.get_by_role("menuitem", name=KEEP)
    expect(item).to_have_attribute("aria-disabled", "true")
    expect(item).to_contain_text("not supported")


def test_what_no_filter_is_exact_for_gets_none(page: Page) -> None:
    sign_in(page)
    ask(page, "print Bag = dynamic({'a': 1}), List = dynamic([1])")
    for column in (0, 1):
        expect(page.locator(".grid-row")).to_have_count(1)
        menu(page, column)
        item = page.get_by_role("menuitem", name=KEEP)
        expect(item).to_have_attribute("aria-disabled", "true")
        expect(item).to_contain_text("not supported")
        page.keyboard.press("Escape")
        expect(page.get_by_role("menu")).to_have_count(0)
    for refused in ("print x = 1; print y = 2", "range x from 1 to 3 step 1 | fork (where x == 1)", ".show tables"):
        ask(page, refused)
        expect(page.locator(".grid-row").first).to_be_visible()
        menu(page, 0)
        expect(page.get_by_role("menuitem", name=LEAVE)).to_contain_text("not supported")
        page.keyboard.press("Escape")


def test_the_filter_stands_before_what_draws_and_within_what_was_selected(page: Page) -> None:
    sign_in(page)
    ask(page, 'range x from 1 to 3 step 1\n| extend Word = strcat("| render ", x)\n| render columnchart')
    page.get_by_role("button", name="Table", exact=True).click()
    menu(page, 1)
    page.get_by_role("menuitem", name=KEEP).click()
    expect(page.get_by_role("img", name="columnchart")).to_be_visible()
    assert written(page).endswith('\n| where Word == "| render 1"\n| render columnchart')
    ask(page, "print a = 1;\nprint b = 2")
    page.locator(".monaco-editor .view-lines").click()
    page.keyboard.press("Control+End")
    page.keyboard.press("Shift+Home")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".grid-row")).to_have_count(1)
    menu(page, 0)
    page.get_by_role("menuitem", name=LEAVE).click()
    expect(page.get_by_text("The answer has no rows.")).to_be_visible()
    assert written(page) == "print b = 2\n| where b != 2"
    expect(page.locator(".view-lines")).to_contain_text("print a = 1;")


def test_what_was_written_since_is_not_touched_by_a_filter(page: Page) -> None:
    sign_in(page)
    ask(page, "range x from 1 to 3 step 1")
    expect(page.locator(".grid-row")).to_have_count(3)
    page.locator(".monaco-editor .view-lines").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" // mine")
    page.get_by_role("gridcell", name="2", exact=True).click(button="right")
    page.get_by_role("menuitem", name=KEEP).click()
    expect(page.locator(".grid-row")).to_have_count(1)
    assert written(page) == "range x from 1 to 3 step 1\n| where x == 2"
    page.get_by_role("group", name="Open queries").get_by_role("button", name="Query 2", exact=True).click()
    expect(page.locator(".view-lines")).to_contain_text("// mine")


def test_a_value_leads_to_its_entity(page: Page) -> None:
    sign_in(page)
    ask(page, "SigninLogs | take 1 | project ResultType, UserPrincipalName, IPAddress, UserId")
    expect(page.locator(".grid-row")).to_have_count(1)
    name = page.locator(".grid-row .grid-cell").nth(1).inner_text()
    menu(page, 0)
    expect(page.get_by_role("menuitem", name="Open the")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.evaluate("navigator.clipboard.readText()").isdecimal()
    menu(page, 3)
    expect(page.get_by_role("menuitem", name="Open the row")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Open the account")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Value …").click()
    page.keyboard.press("Escape")
    menu(page, 2)
    expect(page.get_by_role("menuitem", name="Open the IP address")).to_be_visible()
    page.keyboard.press("Escape")
    menu(page, 1)
    page.get_by_role("menuitem", name="Open the account").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_a_value_of_an_alert_s_rows_leads_to_its_entity(page: Page) -> None:
    sign_in(page, at="/app/incidents/1")
    page.locator(".story summary").first.click()
    page.get_by_role("button", name="Show the rows").first.click()
    grid = page.locator(".story .grid").first
    column = grid.get_by_role("columnheader", name="UserPrincipalName")
    at = column.get_attribute("aria-colindex")
    grid.locator(f".grid-row .grid-cell[aria-colindex='{at}']").first.click(button="right")
    page.get_by_role("menuitem", name="Open the account").click()
    expect(page).to_have_url(re.compile("/app/entities/account/"))


def test_a_query_becomes_a_rule_and_no_draft_is_lost(page: Page) -> None:
    sign_in(page)
    ask(page, 'SigninLogs\n| where ResultType == "50126" // wrong password\n| render table')
    page.get_by_role("button", name="Make a rule").click()
    yaml = page.locator(".rule-yaml .view-lines")
    expect(yaml).to_contain_text("// wrong password")
    expect(yaml).not_to_contain_text("render")
    assert "#" not in page.url
    page.get_by_label("Name", exact=True).fill("Mine, not yet stored")
    expect(yaml).to_contain_text("Mine, not yet stored")
    page.go_back()
    ask(page, "SigninLogs | take 3")
    page.get_by_role("button", name="Make a rule").click()
    expect(page.locator(".brought")).to_contain_text("begun a new rule already")
    expect(yaml).to_contain_text("Mine, not yet stored")
    page.get_by_role("button", name="Begin anew with the query").click()
    expect(yaml).to_contain_text("take 3")
    expect(page.locator(".rule-form .view-lines")).to_contain_text("take 3")
    expect(yaml).not_to_contain_text("Mine, not yet stored")


def numbers(page: Page) -> list[int]:
    return [int(n) for n in page.locator("table.list tbody td.number:nth-child(2)").all_inner_texts()]


def choose(page: Page, number: int) -> None:
    page.get_by_role("checkbox", name=f"Choose {number} ").click()


@pytest.fixture
def queue(page: Page) -> Page:
    """The queue with all incidents, the lowest number first."""
    sign_in(page, at="/app/incidents?status=New,Active,Closed&sort=no")
    expect(page.locator("table.list tbody tr").nth(2)).to_be_visible()
    return page


def test_the_queue_is_sorted_by_any_column_and_a_link_shows_the_same(queue: Page, context: BrowserContext) -> None:
    assert numbers(queue) == sorted(numbers(queue))
    queue.get_by_role("button", name="Severity", exact=True).click()
    expect(queue.get_by_role("columnheader", name="Severity")).to_have_attribute("aria-sort", "descending")
    ranks = ["High", "Medium", "Low", "Informational"]
    shown = [ranks.index(s) for s in queue.locator(".list .severity").all_inner_texts()]
    assert shown == sorted(shown)
    queue.get_by_label("Search the incidents shown").fill("stages")
    queue.get_by_label("How often the queue is read again").select_option("every 5 minutes")
    choose(queue, numbers(queue)[0])
    expect(queue.get_by_role("group", name="The chosen incidents")).to_contain_text("1 chosen")
    other = context.new_page()
    other.goto(queue.url)
    expect(other.get_by_role("group", name="The chosen incidents")).to_contain_text("1 chosen")
    expect(other.get_by_label("Search the incidents shown")).to_have_value("stages")
    expect(other.get_by_label("How often the queue is read again")).to_have_value("300")
    expect(other.get_by_role("columnheader", name="Severity")).to_have_attribute("aria-sort", "descending")
    assert numbers(other) == numbers(queue)


def test_several_incidents_are_chosen_by_the_keyboard_and_worked_on_at_once(queue: Page) -> None:
    one, two, *_ = numbers(queue)
    queue.get_by_role("checkbox", name=f"Choose {one} ").focus()
    queue.keyboard.press("Shift+ArrowDown")
    group = queue.get_by_role("group", name="The chosen incidents")
    expect(group).to_contain_text("2 chosen")
    group.get_by_label("Severity of the chosen incidents").select_option("Low")
    expect(queue.get_by_text(re.compile("2 incidents changed|1 incident changed, 1 was so already"))).to_be_visible()
    for number in (one, two):
        expect(
            queue.locator("tr", has=queue.get_by_role("link")).filter(has_text=re.compile(rf"^{number}Low"))
        ).to_have_count(1)
    expect(group).to_have_count(0)
    choose(queue, one)
    queue.keyboard.press("Control+a")
    expect(group).to_contain_text(f"{len(numbers(queue))} chosen")
    queue.keyboard.press("Escape")
    expect(group).to_have_count(0)
    queue.keyboard.press("Control+k")
    queue.get_by_label("What to do").fill("choose all")
    queue.keyboard.press("Enter")
    expect(group).to_contain_text(f"{len(numbers(queue))} chosen")


def test_an_incident_that_somebody_else_has_changed_is_left_and_named(queue: Page, context: BrowserContext) -> None:
    one, two, *_ = numbers(queue)
    choose(queue, one)
    choose(queue, two)
    group = queue.get_by_role("group", name="The chosen incidents")
    other = context.new_page()
    other.goto(f"/app/incidents/{two}")
    other.get_by_label("Severity").select_option("Medium")
    expect(other.get_by_text("Changed the severity")).to_be_visible()
    group.get_by_role("button", name="Close …").click()
    group.get_by_label("It was").select_option("FalsePositive")
    group.get_by_label("Comment").fill("a test of ours")
    group.get_by_role("button", name="Close it").click()
    failed = group.get_by_role("alert")
    expect(failed).to_contain_text("1 incident not changed, and still chosen")
    expect(failed).to_contain_text(re.compile(rf"{two} .*somebody else has changed it meanwhile"))
    expect(group).to_contain_text("1 chosen")
    # What was filled in is still there, and the second time holds.
    expect(group.get_by_label("Comment")).to_have_value("a test of ours")
    group.get_by_role("button", name="Close it").click()
    expect(group).to_have_count(0)
    other.reload()
    expect(other.get_by_text("FalsePositive IncorrectAlertLogic")).to_be_visible()
    for number in (one, two):
        choose(queue, number)
    group.get_by_label("Status of the chosen incidents").select_option("New")
    expect(queue.get_by_text("2 incidents changed")).to_be_visible()
    for number in (one, two):
        choose(queue, number)
    group.get_by_role("button", name="Take them").click()
    expect(queue.get_by_text("2 incidents changed")).to_be_visible()
    expect(queue.locator("tbody tr").first).to_contain_text("anna")


def test_the_queue_is_read_again_by_itself_but_not_while_somebody_chooses(queue: Page) -> None:
    queue.clock.install()
    queue.reload()
    expect(queue.locator("table.list tbody tr").first).to_be_visible()
    asked: list[str] = []
    queue.on("request", lambda r: asked.append(r.url) if "/incidents?" in r.url else None)
    expect(queue.locator(".page-head")).to_contain_text("as of")
    queue.clock.run_for(61_000)
    assert len(asked) == 1
    choose(queue, numbers(queue)[0])
    expect(queue.locator(".page-head")).to_contain_text("not read again while some are chosen")
    queue.clock.run_for(200_000)
    assert len(asked) == 1
    queue.get_by_role("button", name="Choose none").click()
    queue.clock.run_for(61_000)
    expect(queue.locator(".page-head")).not_to_contain_text("not read again")
    assert len(asked) == 2


def test_whoever_may_not_respond_chooses_none(page: Page) -> None:
    sign_in(page, "bo", at="/app/incidents?status=New,Active,Closed&chosen=1")
    expect(page.locator("table.list tbody tr").first).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    expect(page.get_by_role("group", name="The chosen incidents")).to_have_count(0)


@pytest.mark.parametrize(
    ("address", "label", "text"),
    [
        ("/app/detections", "Search the rules", "password"),
        ("/app/hunts", "Search the hunts", "sign"),
        ("/app/lake", "Search the tables", "Signin"),
        ("/app/entities", "Look up an entity", "postma"),
        ("/app/query?panel=tables", "Search tables and columns", "Signin"),
        ("/app/query?panel=saved", "Search saved queries", "nothing like it"),
    ],
)
def test_what_is_searched_for_stands_in_the_address(
    page: Page, context: BrowserContext, address: str, label: str, text: str
) -> None:
    if address == "/app/hunts":
        # Where there is none, there is nothing to search.
        sign_in(page)
        page.locator(".query").wait_for()
        hunt = {"title": "A sign of another network", "query": "SigninLogs | distinct IPAddress"}
        Door(page).post("huntlake.Hunting/hunts", {"properties": hunt})
        page.goto(address)
    else:
        sign_in(page, at=address)
    field = page.get_by_label(label)
    field.wait_for()
    before = page.evaluate("history.length")
    field.press_sequentially(text)
    expect(field).to_have_value(text)
    assert page.evaluate("history.length") == before
    other = context.new_page()
    other.goto(page.url)
    expect(other.get_by_label(label)).to_have_value(text)


def test_a_list_is_sorted_and_a_link_shows_the_same(page: Page, context: BrowserContext) -> None:
    sign_in(page, at="/app/lake")
    page.get_by_role("button", name="Rows", exact=True).click()
    expect(page.get_by_role("columnheader", name="Rows")).to_have_attribute("aria-sort", "descending")

    def counts(page: Page) -> list[int]:
        return [int(n.replace(",", "")) for n in page.locator("tbody td:nth-child(2)").all_inner_texts()]

    assert counts(page) == sorted(counts(page), reverse=True)
    other = context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("columnheader", name="Rows")).to_have_attribute("aria-sort", "descending")
    assert counts(other) == counts(page)
    page.get_by_label("Search the tables").fill("no table is called so")
    expect(page.get_by_text("Nothing meets what is searched for.")).to_be_visible()
    page.get_by_label("Search the tables").fill("")
    page.get_by_role("button", name="Rows", exact=True).click()
    assert counts(page) == sorted(counts(page))
    page.get_by_role("button", name="Rows", exact=True).click()
    assert "sort" not in page.url


def test_the_filter_of_the_matrix_and_its_technique_stand_in_the_address(page: Page, context: BrowserContext) -> None:
    sign_in(page, at="/app/detections?view=matrix")
    page.get_by_label("Show").select_option("detected, but never fired")
    page.locator(".matrix-cell").first.click()
    title = page.locator(".technique h2").inner_text()
    other = context.new_page()
    other.goto(page.url)
    expect(other.locator(".technique h2")).to_have_text(title)
    expect(other.get_by_label("Show")).to_have_value("silent")
    expect(other.locator(".matrix-key [role=status]")).to_have_text(
        page.locator(".matrix-key [role=status]").inner_text()
    )


def test_the_chosen_action_of_a_run_stands_in_the_address(page: Page, context: BrowserContext) -> None:
    sign_in(page, at="/app/playbooks/disable-account-after-approval")
    action = page.locator("[aria-label=Definition] button, [aria-label=Definition] [role=button]").first
    action.click()
    assert "action=" in page.url
    said = page.locator("pre.code").inner_text()
    other = context.new_page()
    other.goto(page.url)
    expect(other.locator("pre.code")).to_have_text(said)


def test_how_long_rows_are_kept_is_checked_before_it_is_sent(page: Page) -> None:
    sign_in(page, at="/app/lake/tables/Heartbeat")
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.post_data or "") if r.method == "PATCH" else None)
    kept = page.get_by_title("How long the rows of Heartbeat are kept")
    kept.click()
    field = page.get_by_label("Days that rows of Heartbeat are kept")
    for wrong in ("0", "-2", "1.5", "1e3", "ninety", "36501"):
        field.fill(wrong)
        field.press("Enter")
        expect(page.locator(".lake-keep").get_by_role("alert")).to_contain_text(
            "A whole number of days from 1 to 36,500"
        )
        expect(field).to_have_attribute("aria-invalid", "true")
    assert not sent
    field.fill("90")
    field.press("Enter")
    expect(kept).to_have_text("90 days")
    for default in ("-1", ""):
        kept.click()
        field.fill(default)
        field.press("Enter")
        expect(page.get_by_text("rows are kept as the server says").last).to_be_visible()
        expect(field).to_have_count(0)
    assert [json.loads(body)["properties"]["totalRetentionInDays"] for body in sent] == [90, -1, -1]


def test_the_commands_open_a_dialog_that_has_the_focus(page: Page) -> None:
    sign_in(page)
    page.locator(".monaco-editor").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_label("What to do").fill("save the")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Save the query")
    expect(dialog.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.get_by_label("What to do")).to_have_value("")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_with_a_tab_its_answer_goes(page: Page) -> None:
    sign_in(page)
    ask(page, "range x from 1 to 2000000000 step 1 | summarize dcount(x * x % 7919)")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    with page.expect_request(lambda r: r.url.endswith("/v1/rest/mgmt") and ".cancel query" in (r.post_data or "")):
        page.get_by_role("button", name="Close Query 2").click()
    expect(page.locator(".view-lines")).to_contain_text("SigninLogs")
    expect(page.get_by_text("Ask the lake")).to_be_visible()


def test_with_a_tab_its_text_leaves_the_editor(page: Page) -> None:
    page.add_init_script("window.MonacoEnvironment = {globalAPI: true}")
    sign_in(page)
    page.locator(".monaco-editor").wait_for()
    texts = "monaco.editor.getModels().map((m) => m.getValue())"
    before = len(page.evaluate(texts))
    for n in range(3):
        ask(page, f"print Number = {n}")
        expect(page.locator(".grid-row")).to_have_count(1)
    assert len(page.evaluate(texts)) == before + 3
    for n in (3, 2):
        page.get_by_role("button", name=f"Close Query {n}").click()
    # The page lets go of a text when it has drawn the tabs without it.
    for _ in range(100):
        if len(page.evaluate(texts)) == before + 1:
            break
        page.wait_for_timeout(50)
    assert len(page.evaluate(texts)) == before + 1
    assert "print Number = 2" in page.evaluate(texts)
    expect(page.locator(".view-lines")).to_contain_text("print Number = 2")


def test_numbers_of_many_digits_stay_what_they_are(page: Page) -> None:
    sign_in(page)
    text = "[1234567890123456789,"
    ask(
        page,
        "print Long = long(9223372036854775807), Least = long(-9007199254740993), Safe = long(1234567890123456),"
        f' Text = "{text}", Bag = dynamic({{"a": [12345678901234567890, 5], "b": "{text}"}})',
    )
    expect(page.locator(".grid-row")).to_have_count(1)
    whole = ["9223372036854775807", "-9007199254740993", "1234567890123456", text]
    whole.append(f'{{"a":[12345678901234567890,5],"b":"{text}"}}')
    assert page.locator(".grid-cell").all_inner_texts() == whole
    for at, value in enumerate(whole):
        menu(page, at)
        page.get_by_role("menuitem", name="Copy the value").click()
        page.wait_for_function("async (value) => (await navigator.clipboard.readText()) === value", arg=value)
    menu(page, 0)
    page.get_by_role("menuitem", name="Copy the row").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('12345678901234567890')")
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON").click()
    assert "[12345678901234567890,5]" in download.value.path().read_text(encoding="utf-8")
