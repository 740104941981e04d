"""Names of the network, told from file names, from versions, from code and from prose."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

EXTENSIONS = frozenset(
    (
        "7z aac accdb ace apk app asp aspx avi bak bash bat bin bmp cab cfg chm class cmd conf config cpl cpp "
        "crt cs csv dat db dbg deb dll dmg dmp doc docm docx dot dotm drv dylib elf eml evtx exe flv gif go gz "
        "hta htm html ico img inf ini iso jar java jpeg jpg js jse json jsp jspx key ko lnk log lua m md mdb mof "
        "mov mp3 mp4 msc msg msi msp mui ocx odt one p12 pages pcap pcapng pdb pdf pem pfx php pif pl plist png "
        "pot potm ppam pps ppt pptm pptx ps ps1 psd1 psm1 pub py pyc pyd pyw rar rb reg rom rpm rs rtf sc "
        "scr sct sh shtml sln so sql sqlite swf swift sys tar tgz theme tmp toml ts ttf txt url vb vbe vbs vhd "
        "vhdx vmdk vxd wav wim woff wsc wsf wsh xla xlam xll xls xlsb xlsm xlsx xlt xltm xml xsl xz yaml yml "
        "yar yara zip"
    ).split()
)
"""What a file's name ends with."""

_RESERVED = frozenset({"example", "invalid", "test"})
"""No registry has them; fictional reports do, and what is made of them is found in fictional logs."""

_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")
_CODE = frozenset(
    (
        "$this app arguments args array base class client cls config console context conn ctx data db document e el "
        "err error event file foo fs func host http it item json list location lib log math me module msg my name "
        "net node np obj object os path pd process prop props req request res response result router self server "
        "service session settings shell socket str string sys system this time user utils value var vm window worker"
    ).split()
)
"""What code calls the things whose members it names."""


def is_domain(name: str) -> bool:
    """Whether a name could be registered, or stands below one that could: its last parts are a suffix of the public."""
    labels = name.split(".")
    if len(name) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    registered = ".".join(labels[-2:]) if labels[-1] in _RESERVED else _suffixes().privatesuffix(name.lower())
    # Machines may have an underscore in their names; what is registered may not.
    return registered is not None and "_" not in registered


def looks_like_file(name: str) -> bool:
    """Whether the last part of a name is what files' names end with."""
    stem, _, extension = name.rpartition(".")
    return bool(stem) and extension.lower() in EXTENSIONS


def looks_like_code(name: str) -> bool:
    """Whether a plain name is rather a member of something, a namespace, or two sentences without a space between."""
    labels = name.split(".")
    last = labels[-1]
    if labels[0].lower() in _CODE:
        return True
    # `System.IO`, `Microsoft.Win32`, `ASP.NET`: the names of companies end in small letters.
    if last[0].isupper() and any(c.islower() for c in "".join(labels)):
        return True
    # `getObject.name`: the network knows no capitals within a word.
    return any(re.search(r"[a-z][A-Z]", label) for label in labels[:-1]) and len(labels) == 2 and len(last) > 3


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False, only_icann=True)
