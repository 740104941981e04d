"""What the actions do that touch nothing but the run: data, and variables. One function each, listed below."""

from huntlake.wdl.actions import data, variables
from huntlake.wdl.actions.local import Local
from huntlake.wdl.definition.workflow import ActionType

LOCAL: dict[ActionType, Local] = {
    ActionType.APPEND_TO_ARRAY: variables.append_to_array,
    ActionType.APPEND_TO_STRING: variables.append_to_string,
    ActionType.COMPOSE: data.compose,
    ActionType.DECREMENT: variables.decrement,
    ActionType.EXPRESSION: data.expression,
    ActionType.INCREMENT: variables.increment,
    ActionType.INITIALIZE: variables.initialize,
    ActionType.JOIN: data.join,
    ActionType.PARSE_JSON: data.parse_json,
    ActionType.QUERY: data.query,
    ActionType.SELECT: data.select,
    ActionType.SET_VARIABLE: variables.set_variable,
    ActionType.TABLE: data.table,
}
"""By its type, what each such action does."""
