"""Functions of objects, and of XML by XPath."""

from __future__ import annotations

from huntlake.wdl.expressions.symbols import Anything, Object, String, function
from huntlake.wdl.expressions.values import XML, Fault, content, content_bytes, content_type, found, utf8
from huntlake.wdl.markup import xpath as paths
from huntlake.wdl.markup.documents import printed, read


@function("addProperty")
def add_property(object: Object, property: String, value: Anything) -> Object:
    """The object with one more key, which must not be there yet in any case.

    >>> addProperty(json('{"a":1}'), 'b', 2)
    {"a":1,"b":2}
    """
    if found(object, property) is not None:
        raise Fault(f"`addProperty` expects the property to not exist in the object, and `{property}` does")
    return {**object, property: value}


@function("setProperty")
def set_property(object: Object, property: String, value: Anything) -> Object:
    """The object with a key of this value, which becomes the last.

    >>> setProperty(json('{"a":1,"b":2}'), 'a', 3)
    {"b":2,"a":3}
    """
    return {k: v for k, v in object.items() if k != found(object, property)} | {property: value}


@function("removeProperty")
def remove_property(object: Object, property: String) -> Object:
    """The object without a key.

    >>> removeProperty(json('{"a":1,"b":2}'), 'a')
    {"b":2}
    """
    name = found(object, property)
    return {k: v for k, v in object.items() if k != name}


@function("xpath")
def xpath(xml: Object, xpath: String) -> Anything:
    """What an XPath 1.0 expression finds: nodes as an array, or a number, a text, a boolean.

    >>> xpath(xml('<p><a>1</a><a>2</a></p>'), 'sum(/p/a)')
    3.0
    >>> xpath(xml('<p><a>1</a><a>2</a></p>'), '/p/a/text()')
    ["1","2"]
    """
    media = content_type(xml)
    if media is None or "xml" not in media.lower():
        raise Fault("the first argument of `xpath` must be an XML object")
    value = paths.evaluate(xpath, read(content_bytes(xml)))
    if isinstance(value, list):
        return [n if isinstance(n, str) else content(XML, utf8(printed(n))) for n in paths.results(value)]
    return value
