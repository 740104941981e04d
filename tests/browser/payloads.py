"""Texts that a page which took text for markup would run."""

from __future__ import annotations

from itertools import product

_CALL = "top.hit=1"
_TAGS = (
    "<script>{}</script>",
    "<img src=x onerror={}>",
    '<img src=x onerror="{}">',
    "<svg onload={}>",
    "<svg><script>{}</script></svg>",
    "<svg><animate onbegin={} attributeName=x dur=1s>",
    "<body onload={}>",
    "<iframe srcdoc='<script>parent.{}</script>'>",
    '<iframe src="javascript:parent.{}">',
    "<details open ontoggle={}>",
    "<video><source onerror={}></video>",
    "<input autofocus onfocus={}>",
    "<marquee onstart={}>",
    '<a href="javascript:{}" id=clickme>go</a>',
    '<form action="javascript:{}"><button>go</button></form>',
    "<object data='javascript:{}'></object>",
    "<math><mtext><style><img src=x onerror={}></style></mtext></math>",
    "<template><img src=x onerror={}></template>",
    '<meta http-equiv="refresh" content="0;url=javascript:{}">',
    "<link rel=stylesheet href=data:,x onload={}>",
)
_AROUND = (
    "{}",
    '"><{}',
    "'>{}",
    "</title></textarea></script>{}",
    "<!--{}-->",
    "${{{}}}",
)
_BARE = (
    "javascript:{}",
    "data:text/html,<script>parent.{}</script>",
    '";{};//',
    "';{};//",
    "`${{{}}}`",
    "{{{{constructor.constructor('{}')()}}}}",
    "\\u003cscript\\u003e{}\\u003c/script\\u003e",
    "&lt;script&gt;{}&lt;/script&gt;",
    "%3Cscript%3E{}%3C/script%3E",
    "\u202e<script>{}</script>",
    "<scr\x00ipt>{}</scr\x00ipt>",
    "[go](javascript:{})",
)

PAYLOADS = (
    *(around.format(tag.format(_CALL)) for around, tag in product(_AROUND, _TAGS)),
    *(bare.format(_CALL) for bare in _BARE),
)
"""Each would set `hit` of the window."""
