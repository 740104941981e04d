"""What applications and services tell of their users: Okta, Kubernetes, GitHub, and programs of one's own."""

from __future__ import annotations

from huntlake.detection.sigma.sources.log_source import Elements, Known, LogSource, named

_OKTA = LogSource(
    "OktaV2_CL",
    "",
    named(
        eventType="EventOriginalType",
        displayMessage="EventMessage",
        legacyEventType="LegacyEventType",
        outcome__result="OriginalOutcomeResult",
        outcome__reason="EventOriginalResultDetails",
        actor__alternateId="OriginalActorAlternateId",
        securityContext__isProxy="SecurityContextIsProxy",
        target__displayName=Elements("tostring(OriginalTarget)", "json"),
        target__user__type=Elements("tostring(OriginalTarget)", "json"),
        debugContext__debugData__requestUri="tostring(DebugData.requestUri)",
        debugContext__debugData__behaviors="tostring(DebugData.behaviors)",
        debugContext__debugData__logOnlySecurityData="tostring(DebugData.logOnlySecurityData)",
    ),
    keywords=("EventMessage", "EventOriginalType"),
    entities=(("Account", {"FullName": "ActorUsername"}), ("IP", {"Address": "SrcIpAddr"})),
    shown=("ActorUsername", "SrcIpAddr", "EventOriginalType", "EventMessage", "EventResult", "HttpUserAgent"),
)
_KUBERNETES = LogSource(
    "AKSAudit",
    "",
    named(
        objectRef__resource="tostring(ObjectRef.resource)",
        objectRef__subresource="tostring(ObjectRef.subresource)",
        objectRef__namespace="tostring(ObjectRef.namespace)",
        objectRef__apiGroup="tostring(ObjectRef.apiGroup)",
        apiGroup="tostring(ObjectRef.apiGroup)",
        responseStatus__code="tostring(ResponseStatus.code)",
        user__username="tostring(User.username)",
    ),
    by_name=True,
    keywords=("RequestUri", "tostring(RequestObject)"),
    entities=(("Account", {"FullName": "Username"}),),
    shown=("Username = tostring(User.username)", "Verb", "RequestUri", "UserAgent", "ObjectRef", "SourceIps"),
)
_GITHUB = LogSource(
    "GitHubAuditLogsV2_CL",
    by_name=True,
    entities=(("Account", {"Name": "Actor"}),),
    shown=("Actor", "Action", "Org"),
)
_DUO = LogSource(
    "CiscoDuo_CL",
    "",
    named(event_type="event_type_s", reason="reason_s"),
    entities=(("IP", {"Address": "access_device_ip_s"}),),
    shown=("event_type_s", "reason_s", "result_s", "access_device_ip_s"),
)
_ONE_LOGIN = LogSource(
    "OneLoginEventsV2_CL",
    "",
    named(event_type_id="EventTypeId"),
    entities=(("Account", {"Name": "UserName"}), ("IP", {"Address": "Ipaddr"})),
    shown=("ActorUserName", "UserName", "Ipaddr", "EventTypeId"),
)
_APPLICATION = LogSource("AppTraces", keywords=("Message",), shown=("AppRoleName", "AppRoleInstance", "Message"))

KNOWN: Known = {
    ("cisco", "", "duo"): (_DUO,),
    ("okta", "", "okta"): (_OKTA,),
    ("kubernetes", "", "audit"): (_KUBERNETES,),
    ("kubernetes", "application", "audit"): (_KUBERNETES,),
    ("github", "", "audit"): (_GITHUB,),
    ("onelogin", "", "onelogin.events"): (_ONE_LOGIN,),
    **{
        (product, "application", ""): (_APPLICATION,)
        for product in ("jvm", "spring", "django", "python", "ruby_on_rails", "nodejs", "velocity")
    },
}
