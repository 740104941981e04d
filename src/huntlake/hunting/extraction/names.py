"""Groups, campaigns and software that a text names, by the names and aliases of ATT&CK."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from huntlake.core.diagnostics import Span
from huntlake.hunting.extraction.knowledge import Actor, Knowledge

PEOPLE = frozenset({"intrusion-set", "campaign"})
"""The kinds of actors that are people; others are software."""

_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9&/+@_-]*[A-Za-z0-9+])?(?:\.[A-Za-z0-9]+)*")
_MOST_WORDS = 6
_SHORT = 4
_NEAR = 24
_CUE = re.compile(
    r"\b(?:malware|ransomware|backdoor|trojan|rootkit|bootkit|implant|loader|dropper|stealer|infostealer|botnet|wiper|"
    r"rat|framework|beacons?|payloads?|tool|tools|toolkit|utility|command|group|gang|actors?|apt|campaign|cluster|"
    r"operators?|affiliates?|operation|intrusion set|threat|also known as|a\.?k\.?a|tracked as|dubbed|called|named|"
    r"attributed to|family|variant|samples?)\b|\b[SGC]\d{4}\b",
    re.IGNORECASE,
)
_PLAIN = frozenset(
    """
    agenda anchor andromeda apostle armageddon aurora avenger axiom backspace badnews biscuit bitter bookworm buckeye
    bumblebee calendar calisto cannon canopy carbon chaos chimera chromium cicada cleaver conti covenant crimson crutch
    cuba denis disco donut dragonfly embargo emissary empire epic equation explosive expand flame flamer forfiles
    gazer griffon havoc havij hikit hexane icebot inception james kevin krypton leviathan lucifer lurid machete mango
    mantis maze mercury meteor milan mirage monsoon mosquito mythic net nickel ninja octopus page pandora patchwork
    phosphorus photo ping platinum play plead pony potassium prestige proton radium raindrop rancor reaper reaver reg
    reptile responder route rover royal ruler samurai scorpion shark silence silicon sliver snake solar soldier spark
    spaceship sunspot supernova teardrop tick tor trinity uppercut vermin viper wiper zinc zlib at arp cmd ftp
    attrib meek ps1 ducktail lapsus magnet matryoshka scattered mustang storm volt charcoal winnti chameleon cobalt
    dukes gold
    """.split()
)
"""Names that are words of their own: they name somebody only where the text says so."""


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody, or some software, that a text names: as ATT&CK calls it, where, and as the text has it."""

    actor: Actor
    span: Span
    said: str

    @property
    def is_people(self) -> bool:
        """Whether it is a group or a campaign rather than software."""
        return self.actor.kind in PEOPLE


class NameFinder:
    """Finds names. One that is also an ordinary word, or is short, counts only beside a word that tells what it is."""

    def __init__(self, knowledge: Knowledge) -> None:
        found: dict[tuple[str, ...], dict[str, tuple[Actor, str]]] = defaultdict(dict)
        for actor in knowledge.actors_software:
            for name in dict.fromkeys((actor.name, *actor.aliases)):
                words = tuple(w.lower() for w in _WORD.findall(name))
                if words and len(words) <= _MOST_WORDS and any(c.isalpha() for c in name):
                    found[words].setdefault(actor.id, (actor, name))
        self._names: Mapping[tuple[str, ...], tuple[tuple[Actor, str], ...]] = {
            words: tuple(of.values()) for words, of in found.items()
        }
        longest: dict[str, int] = defaultdict(int)
        for words in found:
            longest[words[0]] = max(longest[words[0]], len(words))
        self._longest = dict(longest)

    def find(self, text: str) -> list[Named]:
        """Each actor once, at its first place, in the order of places; of names within each other the longest counts.

        A name that several have is each of theirs.
        """
        first: dict[str, Named] = {}
        for named in self._each(text):
            first.setdefault(named.actor.id, named)
        return list(first.values())

    def _each(self, text: str) -> Iterator[Named]:
        words = [*_WORD.finditer(text)]
        # A program is named by its file as well.
        lowered = [word[0].lower().removesuffix(".exe") for word in words]
        at = 0
        while at < len(words):
            step = 1
            for count in range(min(self._longest.get(lowered[at], 0), len(words) - at), 0, -1):
                owners = self._names.get(tuple(lowered[at : at + count]))
                if owners is None:
                    continue
                span = Span(words[at].start(), words[at + count - 1].end())
                said = text[span.start : span.end]
                if len(said) > sum(map(len, lowered[at : at + count])) + 2 * count + len(".exe"):
                    continue  # words of two sentences, or of two cells
                told = [Named(actor, span, said) for actor, name in owners if _is_meant(text, span, said, name)]
                if told:
                    yield from told
                    step = count
                    break
            at += step


def _is_meant(text: str, span: Span, said: str, name: str) -> bool:
    """Whether what a text says is a name rather than a word."""
    if said.lower().endswith(".exe"):
        return True
    if text[max(0, span.start - 1) : span.start] in (".", "@", "#", "/"):
        return False  # `.NET`, a mail address, a tag, a path
    if any(c in "\n\r.;:!?|" for c in said.replace(".", "", name.count("."))):
        return False
    is_several = len(_WORD.findall(name)) > 1
    ordinary = not is_several and (name.lower() in _PLAIN or (len(name) <= _SHORT and name.isalpha()))
    if not ordinary:
        return True
    if name.islower() or (said != name and said != name.upper()):
        # `at` and `cmd` are meant where their file is named.
        return False
    before, after = text[max(0, span.start - _NEAR) : span.start], text[span.end : span.end + _NEAR]
    return _CUE.search(before) is not None or _CUE.search(after) is not None
