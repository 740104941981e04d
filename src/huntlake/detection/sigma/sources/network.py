"""What devices and servers of the network tell: web servers, proxies, DNS, firewalls, Zeek."""

from __future__ import annotations

from collections.abc import Mapping

from huntlake.detection.sigma.sources.log_source import Field, Known, LogSource, Text, named
from huntlake.detection.sigma.sources.unix import syslog


def _dashed(fields: Mapping[str, Field]) -> dict[str, Field]:
    return {name.replace("_", "-"): value for name, value in fields.items()}


def _cef(vendor: str) -> LogSource:
    extension = 'extract(@"FTNTFGT{}=([^;]*)", 1, AdditionalExtensions)'
    fortinet = named(cfgpath=extension.format("cfgpath"), action=("DeviceAction", extension.format("action")))
    return LogSource(
        "CommonSecurityLog",
        f'DeviceVendor =~ "{vendor}"',
        fortinet if vendor == "Fortinet" else {},
        keywords=("Message", "Activity", "AdditionalExtensions"),
        entities=(("IP", {"Address": "SourceIP"}), ("Account", {"FullName": "SourceUserName"})),
        shown=(
            "Computer",
            "DeviceProduct",
            "Activity",
            "Message",
            "SourceIP",
            "SourceUserName",
            "AdditionalExtensions",
        ),
    )


_URI = 'iff(isempty(csUriQuery), csUriStem, strcat(csUriStem, "?", csUriQuery))'
_WEB_SERVER = LogSource(
    "W3CIISLog",
    "",
    _dashed(
        named(
            # Rules mean the query, or all that follows the host: what a server logs as one differs.
            cs_uri_query=("csUriQuery", _URI),
            cs_uri=_URI,
            c_uri=_URI,
            cs_uri_stem="csUriStem",
            cs_method="csMethod",
            cs_user_agent="csUserAgent",
            c_useragent="csUserAgent",
            cs_referer="csReferer",
            cs_cookie="csCookie",
            cs_username="csUserName",
            cs_host="csHost",
            sc_status="scStatus",
            c_ip="cIP",
        )
    ),
    keywords=(_URI, "csUserAgent", "csReferer"),
    entities=(("IP", {"Address": "cIP"}), ("Host", {"FullName": "Computer"})),
    shown=("Computer", "cIP", "csMethod", "csUriStem", "csUriQuery", "csUserAgent", "scStatus"),
)
_PROXY = LogSource(
    "_Im_WebSession()",
    "",
    _dashed(
        named(
            c_useragent="HttpUserAgent",
            cs_user_agent="HttpUserAgent",
            cs_host=("HttpHost", "tostring(parse_url(Url).Host)", "DstHostname"),
            r_dns=("HttpHost", "tostring(parse_url(Url).Host)", "DstHostname"),
            c_uri="Url",
            cs_uri="Url",
            c_uri_query=("tostring(split(Url, '?', 1)[0])", "Url"),
            cs_uri_query=("tostring(split(Url, '?', 1)[0])", "Url"),
            cs_uri_stem="tostring(parse_url(Url).Path)",
            c_uri_extension=r'extract(@"\.(\w+)$", 1, tostring(parse_url(Url).Path))',
            cs_method="HttpRequestMethod",
            cs_referer="HttpReferrer",
            sc_status="EventResultDetails",
        )
    )
    | named(dst_ip="DstIpAddr", src_ip="SrcIpAddr"),
    keywords=("Url", "HttpUserAgent"),
    entities=(("IP", {"Address": "SrcIpAddr"}), ("URL", {"Url": "Url"}), ("Account", {"FullName": "SrcUsername"})),
    shown=("SrcIpAddr", "SrcUsername", "DstIpAddr", "HttpRequestMethod", "Url", "HttpUserAgent", "EventResultDetails"),
)
_DNS = LogSource(
    "_Im_Dns()",
    "",
    named(query="DnsQuery", record_type="DnsQueryTypeName", answer="DnsResponseName"),
    keywords=("DnsQuery", "DnsResponseName"),
    entities=(("IP", {"Address": "SrcIpAddr"}), ("DNS", {"DomainName": "DnsQuery"})),
    shown=("SrcIpAddr", "DnsQuery", "DnsQueryTypeName", "DnsResponseName"),
)
_FIREWALL = LogSource(
    "_Im_NetworkSession()",
    "",
    named(
        src_ip="SrcIpAddr",
        dst_ip="DstIpAddr",
        src_port="tostring(SrcPortNumber)",
        dst_port="tostring(DstPortNumber)",
        action="DvcAction",
    ),
    entities=(("IP", {"Address": "SrcIpAddr"}),),
    shown=("SrcIpAddr", "DstIpAddr", "DstPortNumber", "DvcAction"),
)


def _zeek(log: str, *, texts: str = "", numbers: str = "", truths: str = "") -> LogSource:
    """A log of Zeek, as Corelight's connector keeps it."""
    fields: dict[str, Field] = {}
    for names, suffix in (
        (f"{texts} id.orig_h id.resp_h", "s"),
        (f"{numbers} id.orig_p id.resp_p", "d"),
        (truths, "b"),
    ):
        for name in names.split():
            fields[name.lower()] = Text((f"{name.replace('.', '_')}_{suffix}",))
    return LogSource(
        f"Corelight_v2_{log}_CL",
        "",
        fields,
        keywords=tuple(f"{n}_s" for n in texts.split()),
        entities=(("IP", {"Address": "id_orig_h_s"}),),
        shown=("id_orig_h_s", "id_resp_h_s"),
    )


_ZEEK = {
    "dce_rpc": _zeek("dce_rpc", texts="operation endpoint named_pipe"),
    "dns": _zeek("dns", texts="query answers qtype_name rcode_name proto", numbers="Z rcode qtype", truths="rejected"),
    "http": _zeek(
        "http",
        texts="uri host method user_agent resp_mime_types referrer post_body",
        numbers="status_code request_body_len response_body_len",
    ),
    "kerberos": _zeek("kerberos", texts="service cipher request_type client error_msg"),
    "rdp": _zeek("rdp", texts="cookie result client_name security_protocol"),
    "smb_files": _zeek("smb_files", texts="name path action"),
    "x509": LogSource(
        "Corelight_v2_x509_CL",
        fields=named(certificate__serial="certificate_serial_s", certificate__subject="certificate_subject_s"),
        shown=("certificate_serial_s", "certificate_subject_s", "certificate_issuer_s"),
    ),
}

KNOWN: Known = {
    **{
        (product, "", service): (syslog(),)
        for product, services in {
            "cisco": ("aaa", "syslog", "bgp", "ldp"),
            "huawei": ("bgp",),
            "juniper": ("bgp",),
        }.items()
        for service in services
    },
    ("fortigate", "", "event"): (_cef("Fortinet"),),
    ("fortios", "", "sslvpnd"): (_cef("Fortinet"),),
    ("paloalto", "appliance", "globalprotect"): (_cef("Palo Alto Networks"),),
    ("", "webserver", ""): (_WEB_SERVER,),
    ("", "proxy", ""): (_PROXY,),
    ("", "dns", ""): (_DNS,),
    ("", "firewall", ""): (_FIREWALL,),
    ("", "", "apache"): (LogSource("ApacheHTTPServer_CL", keywords=("RawData",), shown=("Computer", "RawData")),),
    ("", "", "nginx"): (LogSource("NGINX_CL", keywords=("RawData",), shown=("RawData",)),),
    **{("zeek", "", log): (source,) for log, source in _ZEEK.items()},
}
