"""How the cultures that are built in write numbers, days and months: as Unicode's CLDR has it, which .NET reads."""

from __future__ import annotations

from dataclasses import dataclass, replace

from huntlake.wdl.expressions.values import Fault


@dataclass(frozen=True)
class Names:
    """The names of months and days, parted by blanks; Sunday is the first day."""

    months: str
    days: str
    short_months: str
    short_days: str
    of_day: str = ""
    """The months beside the number of a day, where they are called otherwise there."""
    short_of_day: str = ""


@dataclass(frozen=True)
class Culture:
    """How a culture writes numbers and dates."""

    point: str
    group: str
    currency: str
    percent: str
    names: Names
    patterns: str
    """A date, a long date, a time, a time with seconds, the day of a month, the month of a year; `|` parts them."""
    minus: str = "-"
    owed: str = ""
    """A negative currency, where that isn't the sign before the currency."""
    cents: int = 2
    halves: str = "AM|PM"
    infinity: str = "∞"

    def standard(self, letter: str) -> str:
        """The custom format that a standard one of dates stands for here."""
        date, long_date, time, long_time, day, month = self.patterns.split("|")
        return {
            "d": date,
            "D": long_date,
            "f": f"{long_date} {time}",
            "F": f"{long_date} {long_time}",
            "g": f"{date} {time}",
            "G": f"{date} {long_time}",
            "m": day,
            "t": time,
            "T": long_time,
            "U": f"{long_date} {long_time}",
            "y": month,
        }[letter]

    def months(self, short: bool, beside_day: bool) -> list[str]:
        """The names of the twelve months."""
        full, beside = (
            (self.names.short_months, self.names.short_of_day) if short else (self.names.months, self.names.of_day)
        )
        return ((beside_day and beside) or full).split()

    def days(self, short: bool) -> list[str]:
        """The names of the seven days, from Sunday."""
        return (self.names.short_days if short else self.names.days).split()

    @property
    def date_mark(self) -> str:
        """What stands for `/` in a format."""
        return _mark(self.patterns.split("|")[0], "dMy")

    @property
    def time_mark(self) -> str:
        """What stands for `:` in a format."""
        mark = _mark(self.patterns.split("|")[3], "hHms")
        return mark if mark in (":", ".") else ":"

    @property
    def order(self) -> str:
        """In which order a date has its year, month and day."""
        return "".join(dict.fromkeys(c for c in self.patterns.split("|")[0] if c in "yMd"))


def _mark(pattern: str, letters: str) -> str:
    rest = pattern.lstrip(letters)
    return rest[: next(i for i, c in enumerate(rest) if c in letters)]


def culture(locale: str | None) -> Culture:
    """The culture of that name; en-US where none is given. Raises `Fault` for one that isn't built in."""
    if locale is None:
        return ENGLISH
    name = locale.strip().lower().replace("_", "-")
    known = _CULTURES.get(_OF_LANGUAGE.get(name, name))
    if known is None:
        raise Fault(f"the locale `{locale}` is not supported")
    return known


_EN = Names(
    "January February March April May June July August September October November December",
    "Sunday Monday Tuesday Wednesday Thursday Friday Saturday",
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
    "Sun Mon Tue Wed Thu Fri Sat",
)
_EN_GB = replace(_EN, short_months="Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec")
_EN_AU = replace(
    _EN,
    short_months="Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec",
    short_of_day="Jan Feb Mar Apr May June July Aug Sept Oct Nov Dec",
)
_DE = Names(
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag",
    "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    "So Mo Di Mi Do Fr Sa",
    short_of_day="Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
)
_DE_AT = replace(
    _DE,
    months="Jänner Februar März April Mai Juni Juli August September Oktober November Dezember",
    short_months="Jän Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    short_of_day="Jän. Feb. März Apr. Mai Juni Juli Aug. Sep. Okt. Nov. Dez.",
)
_FR = Names(
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "dimanche lundi mardi mercredi jeudi vendredi samedi",
    "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "dim. lun. mar. mer. jeu. ven. sam.",
)
_FR_CA = replace(_FR, short_months="janv. févr. mars avr. mai juin juill. août sept. oct. nov. déc.")
_ES = Names(
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "domingo lunes martes miércoles jueves viernes sábado",
    "ene feb mar abr may jun jul ago sept oct nov dic",
    "dom lun mar mié jue vie sáb",
)
_ES_MX = replace(_ES, short_months="ene feb mar abr may jun jul ago sep oct nov dic")
_IT = Names(
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "domenica lunedì martedì mercoledì giovedì venerdì sabato",
    "gen feb mar apr mag giu lug ago set ott nov dic",
    "dom lun mar mer gio ven sab",
)
_NL = Names(
    "januari februari maart april mei juni juli augustus september oktober november december",
    "zondag maandag dinsdag woensdag donderdag vrijdag zaterdag",
    "jan feb mrt apr mei jun jul aug sep okt nov dec",
    "zo ma di wo do vr za",
)
_PT = Names(
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "domingo segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado",
    "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez.",
    "domingo segunda terça quarta quinta sexta sábado",
)
_PT_BR = replace(_PT, short_days="dom. seg. ter. qua. qui. sex. sáb.")
_SV = Names(
    "januari februari mars april maj juni juli augusti september oktober november december",
    "söndag måndag tisdag onsdag torsdag fredag lördag",
    "jan. feb. mars apr. maj juni juli aug. sep. okt. nov. dec.",
    "sön mån tis ons tors fre lör",
)
_NB = Names(
    "januar februar mars april mai juni juli august september oktober november desember",
    "søndag mandag tirsdag onsdag torsdag fredag lørdag",
    "jan feb mar apr mai jun jul aug sep okt nov des",
    "søn. man. tir. ons. tor. fre. lør.",
    short_of_day="jan. feb. mars apr. mai juni juli aug. sep. okt. nov. des.",
)
_DA = Names(
    "januar februar marts april maj juni juli august september oktober november december",
    "søndag mandag tirsdag onsdag torsdag fredag lørdag",
    "jan. feb. mar. apr. maj jun. jul. aug. sep. okt. nov. dec.",
    "søn. man. tirs. ons. tors. fre. lør.",
)
_FI = Names(
    "tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu heinäkuu elokuu syyskuu lokakuu marraskuu joulukuu",
    "sunnuntai maanantai tiistai keskiviikko torstai perjantai lauantai",
    "tammi helmi maalis huhti touko kesä heinä elo syys loka marras joulu",
    "su ma ti ke to pe la",
    of_day=(
        "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta"
        " heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta"
    ),
)
_IS = Names(
    "janúar febrúar mars apríl maí júní júlí ágúst september október nóvember desember",
    "sunnudagur mánudagur þriðjudagur miðvikudagur fimmtudagur föstudagur laugardagur",
    "jan. feb. mar. apr. maí jún. júl. ágú. sep. okt. nóv. des.",
    "sun. mán. þri. mið. fim. fös. lau.",
)
_PL = Names(
    "styczeń luty marzec kwiecień maj czerwiec lipiec sierpień wrzesień październik listopad grudzień",
    "niedziela poniedziałek wtorek środa czwartek piątek sobota",
    "sty lut mar kwi maj cze lip sie wrz paź lis gru",
    "niedz. pon. wt. śr. czw. pt. sob.",
    of_day="stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
)
_CS = Names(
    "leden únor březen duben květen červen červenec srpen září říjen listopad prosinec",
    "neděle pondělí úterý středa čtvrtek pátek sobota",
    "led úno bře dub kvě čvn čvc srp zář říj lis pro",
    "ne po út st čt pá so",
    of_day="ledna února března dubna května června července srpna září října listopadu prosince",
)
_TR = Names(
    "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    "Pazar Pazartesi Salı Çarşamba Perşembe Cuma Cumartesi",
    "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
    "Paz Pzt Sal Çar Per Cum Cmt",
)
_JA = Names(
    "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
    "日曜日 月曜日 火曜日 水曜日 木曜日 金曜日 土曜日",
    "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
    "日 月 火 水 木 金 土",
)

ENGLISH = Culture(".", ",", "${}", "{}%", _EN, "M/d/yyyy|dddd, MMMM d, yyyy|h:mm tt|h:mm:ss tt|MMMM d|MMMM yyyy")
INVARIANT = Culture(
    ".", ",", "¤{}", "{} %", _EN, "MM/dd/yyyy|dddd, dd MMMM yyyy|HH:mm|HH:mm:ss|MMMM dd|yyyy MMMM", infinity="Infinity"
)
_CULTURES = {
    "": INVARIANT,
    "en-us": ENGLISH,
    "en-gb": Culture(
        ".", ",", "£{}", "{}%", _EN_GB, "dd/MM/yyyy|dddd, d MMMM yyyy|HH:mm|HH:mm:ss|d MMMM|MMMM yyyy", halves="am|pm"
    ),
    "en-au": Culture(
        ".", ",", "${}", "{}%", _EN_AU, "d/M/yyyy|dddd, d MMMM yyyy|h:mm tt|h:mm:ss tt|d MMMM|MMMM yyyy", halves="am|pm"
    ),
    "en-ca": Culture(
        ".",
        ",",
        "${}",
        "{}%",
        _EN,
        "yyyy-MM-dd|dddd, MMMM d, yyyy|h:mm tt|h:mm:ss tt|MMMM d|MMMM yyyy",
        halves="a.m.|p.m.",
    ),
    "de-de": Culture(",", ".", "{} €", "{} %", _DE, "dd.MM.yyyy|dddd, d. MMMM yyyy|HH:mm|HH:mm:ss|d. MMMM|MMMM yyyy"),
    "de-at": Culture(
        ",", "\u00a0", "€ {}", "{} %", _DE_AT, "dd.MM.yyyy|dddd, d. MMMM yyyy|HH:mm|HH:mm:ss|d. MMMM|MMMM yyyy"
    ),
    "de-ch": Culture(
        ".", "'", "CHF {}", "{}%", _DE, "dd.MM.yyyy|dddd, d. MMMM yyyy|HH:mm|HH:mm:ss|d. MMMM|MMMM yyyy", owed="CHF-{}"
    ),
    "fr-fr": Culture(",", "\u202f", "{} €", "{} %", _FR, "dd/MM/yyyy|dddd d MMMM yyyy|HH:mm|HH:mm:ss|d MMMM|MMMM yyyy"),
    "fr-ca": Culture(
        ",",
        "\u00a0",
        "{} $",
        "{} %",
        _FR_CA,
        "yyyy-MM-dd|dddd d MMMM yyyy|HH 'h' mm|HH 'h' mm 'min' ss 's'|d MMMM|MMMM yyyy",
        halves="a.m.|p.m.",
    ),
    "fr-ch": Culture(
        ",", "\u202f", "{} CHF", "{}%", _FR, "dd.MM.yyyy|dddd, d MMMM yyyy|HH:mm|HH:mm:ss|d MMMM|MMMM yyyy"
    ),
    "es-es": Culture(
        ",",
        ".",
        "{} €",
        "{} %",
        _ES,
        "d/M/yyyy|dddd, d 'de' MMMM 'de' yyyy|H:mm|H:mm:ss|d 'de' MMMM|MMMM 'de' yyyy",
        halves="a. m.|p. m.",
    ),
    "es-mx": Culture(
        ".",
        ",",
        "${}",
        "{}%",
        _ES_MX,
        "dd/MM/yyyy|dddd, d 'de' MMMM 'de' yyyy|h:mm tt|h:mm:ss tt|d 'de' MMMM|MMMM 'de' yyyy",
        halves="a.m.|p.m.",
    ),
    "it-it": Culture(",", ".", "{} €", "{}%", _IT, "dd/MM/yyyy|dddd d MMMM yyyy|HH:mm|HH:mm:ss|d MMMM|MMMM yyyy"),
    "nl-nl": Culture(
        ",",
        ".",
        "€ {}",
        "{}%",
        _NL,
        "dd-MM-yyyy|dddd d MMMM yyyy|HH:mm|HH:mm:ss|d MMMM|MMMM yyyy",
        owed="€ -{}",
        halves="a.m.|p.m.",
    ),
    "pt-pt": Culture(
        ",",
        "\u00a0",
        "{} €",
        "{}%",
        _PT,
        "dd/MM/yyyy|dddd, d 'de' MMMM 'de' yyyy|HH:mm|HH:mm:ss|d 'de' MMMM|MMMM 'de' yyyy",
        halves="a.m.|p.m.",
    ),
    "pt-br": Culture(
        ",",
        ".",
        "R$ {}",
        "{}%",
        _PT_BR,
        "dd/MM/yyyy|dddd, d 'de' MMMM 'de' yyyy|HH:mm|HH:mm:ss|d 'de' MMMM|MMMM 'de' yyyy",
    ),
    "sv-se": Culture(
        ",",
        "\u00a0",
        "{} kr",
        "{} %",
        _SV,
        "yyyy-MM-dd|dddd d MMMM yyyy|HH:mm|HH:mm:ss|d MMMM|MMMM yyyy",
        minus="\u2212",
        halves="fm|em",
    ),
    "nb-no": Culture(
        ",",
        "\u00a0",
        "{} kr",
        "{} %",
        _NB,
        "dd.MM.yyyy|dddd d. MMMM yyyy|HH:mm|HH:mm:ss|d. MMMM|MMMM yyyy",
        minus="\u2212",
        halves="a.m.|p.m.",
    ),
    "da-dk": Culture(
        ",", ".", "{} kr.", "{} %", _DA, "dd.MM.yyyy|dddd 'den' d. MMMM yyyy|HH.mm|HH.mm.ss|d. MMMM|MMMM yyyy"
    ),
    "fi-fi": Culture(
        ",",
        "\u00a0",
        "{} €",
        "{} %",
        _FI,
        "d.M.yyyy|dddd d. MMMM yyyy|H.mm|H.mm.ss|d. MMMM|MMMM yyyy",
        minus="\u2212",
        halves="ap.|ip.",
    ),
    "is-is": Culture(
        ",",
        ".",
        "{} kr",
        "{}%",
        _IS,
        "d.M.yyyy|dddd, d. MMMM yyyy|HH:mm|HH:mm:ss|d. MMMM|MMMM yyyy",
        cents=0,
        halves="f.h.|e.h.",
    ),
    "pl-pl": Culture(",", "\u00a0", "{} zł", "{}%", _PL, "d.MM.yyyy|dddd, d MMMM yyyy|HH:mm|HH:mm:ss|d MMMM|MMMM yyyy"),
    "cs-cz": Culture(
        ",",
        "\u00a0",
        "{} Kč",
        "{} %",
        _CS,
        "dd.MM.yyyy|dddd d. MMMM yyyy|H:mm|H:mm:ss|d. MMMM|MMMM yyyy",
        halves="dop.|odp.",
    ),
    "tr-tr": Culture(
        ",", ".", "₺{}", "%{}", _TR, "d.MM.yyyy|d MMMM yyyy dddd|HH:mm|HH:mm:ss|d MMMM|MMMM yyyy", halves="ÖÖ|ÖS"
    ),
    "ja-jp": Culture(
        ".",
        ",",
        "￥{}",
        "{}%",
        _JA,
        "yyyy/MM/dd|yyyy'年'M'月'd'日'dddd|H:mm|H:mm:ss|M'月'd'日'|yyyy'年'M'月'",
        cents=0,
        halves="午前|午後",
    ),
}
_OF_LANGUAGE = {
    "en": "en-us",
    "pt": "pt-br",
    "no": "nb-no",
    "nb": "nb-no",
    "sv": "sv-se",
    "da": "da-dk",
    "cs": "cs-cz",
    "ja": "ja-jp",
}
_OF_LANGUAGE |= {name: f"{name}-{name}" for name in "de fr es it nl fi is pl tr".split()}
"""By a language alone, the culture that stands for it."""
