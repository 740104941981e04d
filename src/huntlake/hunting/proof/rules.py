"""The rules about queries of hunts: what each is about, how bad it is, and what to do. One table lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from huntlake.core.diagnostics import Span
from huntlake.hunting.proof.finding import Level, ProofFinding

FATAL = 100
"""The weight of what no query may have: no number of smaller findings is worse."""


@dataclass(frozen=True, slots=True)
class ProofRule:
    """One rule. Codes: `HP0` the text, `HP1` safety, `HP2` cost, `HP3` what comes out, `HP4` what runs have shown,
    `HP5` what a proposed repair changes.
    """

    code: str
    level: Level
    weight: int
    title: str
    help: str = ""

    def found(self, reason: str, span: Span | None = None, help: str = "") -> ProofFinding:
        """A finding of this rule; without a `help` of its own it has the rule's."""
        return ProofFinding(self.code, self.level, self.weight, reason, span, help or self.help)


def _error(code: str, title: str, help: str = "") -> ProofRule:
    return ProofRule(code, Level.ERROR, FATAL, title, help)


def _warning(code: str, weight: int, title: str, help: str = "") -> ProofRule:
    return ProofRule(code, Level.WARNING, weight, title, help)


def _note(code: str, weight: int, title: str, help: str = "") -> ProofRule:
    return ProofRule(code, Level.NOTE, weight, title, help)


# -- the text ---------------------------------------------------------------------------------------

NO_QUERY = _error("HP001", "The text is empty, too long, or nested too deeply.")
HIDDEN_TEXT = _error(
    "HP002",
    "Characters that change how the text is shown, or that nobody sees.",
    r"write them as escapes, such as `\u202e`",
)
INVISIBLE = _warning("HP003", 3, "Characters without width.", r"write them as escapes, such as `\u200b`")
SYNTAX = _error("HP010", "The text is no KQL.")
NAMES_AND_TYPES = _error("HP011", "A table, a column or a function isn't there, or is of another type.")
NOT_SUPPORTED = _error("HP012", "KQL that isn't supported here.")
NOT_COMPILED = _error("HP013", "The query can't be prepared.")
SEVERAL_TABLES = _error("HP014", "The query gives several tables, and a hunt's gives one.")
NO_TABLE = _warning("HP015", 3, "The query reads no table.")

# -- safety -----------------------------------------------------------------------------------------

COMMAND = _error("HP101", "A management command: hunts only read.", "ask for it outside of hunts")
STATEMENT = _error("HP102", "A statement that hunts may not use.")
OPTION = _error(
    "HP103", "An option that hunts may not set.", "leave it out: a hunt has its own limits and its own time"
)
OPERATOR = _error("HP104", "An operator that hunts may not use.")
OUTSIDE_DATA = _error(
    "HP105", "Data from outside of the lake.", "put them into a watchlist, and read that by `_GetWatchlist()`"
)
OTHER_PLACE = _error("HP106", "Another workspace, cluster or database.", "name tables of this workspace")
PLUGIN = _error("HP107", "A plugin that hunts may not use.")
SEARCH_ALL = _error("HP108", "A search in all tables.", "name the tables: `search in (SigninLogs, AuditLogs) …`")
UNION_ALL = _error("HP109", "The union of all tables.", "name the tables, or begin their names: `union Device*`")
FIND_ALL = _error("HP110", "A `find` over all tables.", "name the tables: `find in (SigninLogs, AuditLogs) where …`")
FUNCTION = _error("HP111", "A function that is none of KQL's, of the workspace's or of the query's.")
HIDDEN_TABLE = _error("HP112", "A table whose name isn't written in the query.", "write the name of the table")
MADE_ROWS = _error("HP113", "More rows or values made out of nothing than a hunt may make.")
UNKNOWN_ROWS = _warning("HP114", 3, "Nobody knows beforehand how many rows or values are made out of nothing.")

# -- cost -------------------------------------------------------------------------------------------

NO_TIME = _warning("HP201", 5, "Nothing bounds the time of rows.", "begin with `| where TimeGenerated > ago(1d)`")
WIDE_SEARCH = _warning("HP202", 5, "Every column is searched.", "name the column: `| where Account has …`")
WILDCARD_UNION = _warning("HP203", 4, "A pattern chooses the tables.", "name the tables that are meant")
TIMELESS_JOIN = _warning("HP204", 3, "Rows are joined whenever they happened.", "compare or bound their times")
WIDE_EXPANSION = _warning("HP205", 3, "An expansion without `limit`.", "filter before it, or end it with `limit`")
REGEX = _warning("HP206", 2, "A regex where every row is read.", "let a `has` stand before it")
CROSS_PLACE = _warning("HP207", 2, "Rows of another workspace.")
WIDE_SORT = _warning("HP208", 2, "All rows are sorted.", "`top N by …` where the first are enough")
FOLDED_CASE = _warning("HP209", 2, "`tolower()` or `toupper()` of a column is compared.", "`=~` compares without case")
CONTAINS = _warning("HP210", 1, "`contains` looks into the middle of words.", "`has`, if whole words are meant")
NO_REDUCTION = _warning("HP211", 1, "Nothing makes the rows fewer.", "filter, summarize, or take the first")
UNSORTED_TAKE = _warning("HP212", 1, "Which rows are taken nothing says.", "`top N by TimeGenerated`")
NESTED_REPETITION = _warning("HP213", 3, "A regex repeats a repetition.")
TOO_MANY_BYTES = _error("HP220", "One run would read more than the hunt may.", "filter by time, or raise the limit")
LOOKS_BACK = _warning("HP221", 2, "The query looks back further than it is shown.")
LETTER_STAR = _warning("HP222", 3, "A wildcard is taken for a letter.")
FIRST_COLUMN = _warning("HP223", 2, "`in` looks at the first of several columns.")
NOT_REPEATABLE = _note("HP224", 1, "Two runs over the same rows may differ.")

NAMED_FILTER = _warning("HP227", 5, "A filter is named by `=`, which compares nothing.", "compare with `==`")
BOUND_WATCHLIST = _note(
    "HP225", 0, "A watchlist is read: an approval is for the items that it has.", "mark it as live, if it may change"
)
LIVE_WATCHLIST = _note("HP226", 1, "A watchlist is read whose items may change after an approval.")

# -- what comes out ---------------------------------------------------------------------------------

NO_ENTITIES = _note("HP301", 1, "No entity is mapped.", "map a column to an account, a host or an address")
UNKNOWN_ENTITY = _error("HP302", "There is no such type of entity, or no such identifier.")
NO_COLUMN = _error("HP303", "The answer lacks a column that an entity is mapped to.")
ENTITY_TYPE = _error("HP304", "A column of that type identifies no entity.", "bring it to text: `tostring(…)`")
WEAK_ENTITY = _note("HP305", 0, "What is mapped doesn't tell the entity from all others.")
NO_MOMENT = _note("HP306", 0, "The rows of the answer have no time.", "keep `TimeGenerated`, or `max(TimeGenerated)`")

# -- what runs have shown ---------------------------------------------------------------------------

TOO_MANY_ROWS = _error("HP401", "More rows a day than the hunt may give.", "filter what is known to be harmless")
LIMIT_MET = _error("HP402", "A limit ended the dry run.")
RUN_FAILED = _error("HP403", "The dry run failed.")
MISSED = _error("HP404", "Recorded data that the query must find, and doesn't.")
NOT_QUIET = _error("HP405", "Recorded data that the query must pass over, and finds.")
NO_ROWS = _note("HP406", 0, "No row in the time that was looked at: that isn't wrong.")

# -- what a proposed repair changes -----------------------------------------------------------------

MENDED_CASE = _note("HP501", 0, "A repair: a word or a name in its own case.")
MENDED_NAME = _note("HP502", 1, "A repair: a name that is like one that is there.", "look whether that one is meant")
MENDED_EQUALS = _note("HP503", 0, "A repair: `==` compares, `=` names.")
MENDED_QUOTES = _note("HP504", 1, "A repair: quotes of a text.", "look whether a text is meant")
MENDED_GAP = _note("HP505", 0, "A repair: something was missing.")
MENDED_FORM = _note("HP506", 1, "A repair: the form of another language.", "look whether it means the same")
MENDED_FRAME = _note("HP507", 0, "A repair: the frame around the query is left out.")

RULES: Mapping[str, ProofRule] = {
    rule.code: rule
    for rule in (
        NO_QUERY,
        HIDDEN_TEXT,
        INVISIBLE,
        SYNTAX,
        NAMES_AND_TYPES,
        NOT_SUPPORTED,
        NOT_COMPILED,
        SEVERAL_TABLES,
        NO_TABLE,
        COMMAND,
        STATEMENT,
        OPTION,
        OPERATOR,
        OUTSIDE_DATA,
        OTHER_PLACE,
        PLUGIN,
        SEARCH_ALL,
        UNION_ALL,
        FIND_ALL,
        FUNCTION,
        HIDDEN_TABLE,
        MADE_ROWS,
        UNKNOWN_ROWS,
        NO_TIME,
        WIDE_SEARCH,
        WILDCARD_UNION,
        TIMELESS_JOIN,
        WIDE_EXPANSION,
        REGEX,
        CROSS_PLACE,
        WIDE_SORT,
        FOLDED_CASE,
        CONTAINS,
        NO_REDUCTION,
        UNSORTED_TAKE,
        NESTED_REPETITION,
        TOO_MANY_BYTES,
        LOOKS_BACK,
        LETTER_STAR,
        FIRST_COLUMN,
        NOT_REPEATABLE,
        NAMED_FILTER,
        BOUND_WATCHLIST,
        LIVE_WATCHLIST,
        NO_ENTITIES,
        UNKNOWN_ENTITY,
        NO_COLUMN,
        ENTITY_TYPE,
        WEAK_ENTITY,
        NO_MOMENT,
        TOO_MANY_ROWS,
        LIMIT_MET,
        RUN_FAILED,
        MISSED,
        NOT_QUIET,
        NO_ROWS,
        MENDED_CASE,
        MENDED_NAME,
        MENDED_EQUALS,
        MENDED_QUOTES,
        MENDED_GAP,
        MENDED_FORM,
        MENDED_FRAME,
    )
}
"""Every rule, by its code, in their order."""
