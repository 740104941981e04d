"""What Syslog and the audit log of Linux tell."""

from __future__ import annotations

from huntlake.detection.sigma.sources.log_source import Known, LogSource, named


def syslog(where: str = "", others: str = "") -> LogSource:
    """Lines of Syslog; with `others`, an expression for the fields that a program writes into its own."""
    return LogSource(
        "Syslog",
        where,
        named(Message="SyslogMessage", ProgramName="ProcessName"),
        by_name=True,
        others=others,
        keywords=("SyslogMessage",),
        entities=(("Host", {"FullName": "Computer"}),),
        shown=("Computer", "Facility", "SeverityLevel", "ProcessName", "SyslogMessage"),
    )


_AUDITD = LogSource(
    "LinuxAuditLog",
    "",
    named(
        type="RecordType",
        SYSCALL=("syscall", r'extract(@"SYSCALL=(\w+)", 1, RawRecord)'),
        name=("path", r'extract(@"\bname=""?([^""\s]+)", 1, RawRecord)'),
        nametype=r'extract(@"\bnametype=(\w+)", 1, RawRecord)',
        unit=r'extract(@"\bunit=([^\s]+)", 1, RawRecord)',
        # `uid` and its like are numbers; in a record they may be names, too.
    ),
    by_name=True,
    keywords=("RawRecord",),
    entities=(("Host", {"FullName": "Computer"}), ("Account", {"Name": "acct"})),
    shown=("Computer", "RecordType", "exe", "comm", "acct", "RawRecord"),
)

KNOWN: Known = {
    ("linux", "", "auditd"): (_AUDITD,),
    ("linux", "", ""): (syslog(),),
    ("linux", "", "syslog"): (syslog(),),
    ("linux", "", "auth"): (syslog('Facility in~ ("auth", "authpriv")'),),
    ("linux", "", "sshd"): (syslog('ProcessName =~ "sshd"'),),
    ("linux", "", "sudo"): (syslog('ProcessName =~ "sudo"', r"""extract(@"\b{0}=([^\s;]+)", 1, SyslogMessage)"""),),
    ("linux", "", "cron"): (syslog('ProcessName in~ ("cron", "crond", "anacron")'),),
    ("linux", "", "clamav"): (syslog('ProcessName in~ ("clamav", "clamd", "clamscan", "freshclam")'),),
    ("linux", "", "vsftpd"): (syslog('ProcessName =~ "vsftpd"'),),
    ("linux", "", "guacamole"): (syslog('ProcessName in~ ("guacd", "guacamole")'),),
}
