"""Every setting of a server: its meaning, unit and default.

A setting comes from the environment (`HUNTLAKE_PORT=8443`), else from `<home>/huntlake.toml`
(`port = 8443`), else from its default here.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from huntlake.core.errors import Invalid


class OidcRole(BaseModel):
    """The role that a group of a provider has here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str = Field(min_length=1)
    role: str
    workspace: str = "*"


class OidcProvider(BaseModel):
    """An outside provider that people sign in at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(description="Its issuer, letter for letter: `https://login.example.org/realms/soc`.")
    client_id: str = Field(description="The id by which it knows this server.")
    client_secret: str = Field(
        "", description="Where the secret is: `env:NAME` or `file:PATH`; empty: a client without one."
    )
    title: str = Field("", description="What the button says: `Sign in with …`; empty: the name.")
    scopes: tuple[str, ...] = Field(("profile", "email"), description="What is asked for beside `openid`.")
    name_claim: str = Field("preferred_username", description="The claim that names a user who is made.")
    groups_claim: str = Field("groups", description="The claim with groups; `realm_access.roles` for one within one.")
    make_users: bool = Field(False, description="Whether whoever it lets in gets an account here, without any role.")
    link_domains: tuple[str, ...] = Field(
        (),
        description="Domains whose verified e-mail addresses sign in as the user of that name, where nobody else does.",
    )
    domains: tuple[str, ...] = Field(
        (), description="Domains of verified e-mail addresses that are let in; empty: all."
    )
    groups: tuple[str, ...] = Field((), description="Groups whose members are let in; empty: everybody.")
    roles: tuple[OidcRole, ...] = Field(
        (),
        description="What groups may do, looked up at each sign-in: tables of `group`, `role` and `workspace` "
        "(`*`: each); of several in one workspace the first counts.",
    )
    session_hours: int = Field(12, ge=1, le=168, description="How long a session lasts before it is asked again.")
    authorities: Path | None = Field(
        None, description="PEM file of certificate authorities to trust beside the system's."
    )


class Settings(BaseSettings):
    """The settings of one server, checked."""

    model_config = SettingsConfigDict(env_prefix="HUNTLAKE_", frozen=True, extra="forbid")

    home: Path = Field(Path("huntlake"), description="Folder of the lake, the state, the keys and the certificates.")
    database: str = Field("", description="URL of the state database; empty: the file huntlake.db in the home folder.")

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 or :: for every network.")
    port: int = Field(8443, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    tls: bool = Field(True, description="Speak TLS. Most clients send no token without; off behind a proxy only.")
    tls_certificate: Path | None = Field(None, description="PEM chain to show instead of one from the local CA.")
    tls_key: Path | None = Field(None, description="PEM private key of tls_certificate.")
    names: tuple[str, ...] = Field((), description="More host names and addresses by which clients reach the server.")
    external_url: str = Field(
        "", description="Base of every URL in answers, such as https://lake.example.org; empty: the host asked for."
    )

    tenant_id: str = Field("", description="GUID of the tenant; empty: one that is made up once and kept.")
    tenant_name: str = Field("huntlake.local", description="Domain name by which the tenant may also be called.")
    subscription_id: str = Field(
        "", description="GUID of the subscription in paths of Azure Resource Manager; empty: the tenant's."
    )
    resource_group: str = Field("huntlake", description="Resource group in paths of Azure Resource Manager.")
    primary_workspace: str = Field(
        "", description="Workspace that Defender's and Graph's APIs mean; empty: the only one that a caller may read."
    )
    token_lifetime: int = Field(3599, ge=300, lt=7200, description="How long an access token is good for, in seconds.")

    public_clients: dict[str, tuple[str, ...]] = Field(
        {},
        description="More programs that people sign in with: client id to redirect URIs, beside those of the machine.",
    )
    sign_in_days: int = Field(
        14, ge=0, le=90, description="Days until a person gives the password again; 0: after each token's lifetime."
    )
    password_users: tuple[str, ...] = Field(
        ("*",),
        description="Users who may sign in with a password; `*`: all. One for emergencies beside a provider: `admin`.",
    )
    oidc: dict[str, OidcProvider] = Field(
        {}, description="Outside providers that people sign in at (OpenID Connect), by a name; below."
    )
    proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = Field(
        (ipaddress.IPv4Network("127.0.0.1"), ipaddress.IPv6Network("::1")),
        description="Addresses and networks of proxies that are believed about where requests come from, "
        "where `external_url` says that there are any.",
    )

    query_timeout: int = Field(240, ge=1, le=3600, description="Time a query gets unless it asks for more, in seconds.")
    query_timeout_limit: int = Field(3600, ge=1, le=3600, description="Most time a query can ask for, in seconds.")
    query_max_rows: int = Field(500_000, ge=1, description="Rows of an answer before it is cut off.")
    query_max_bytes: int = Field(64 << 20, ge=1, description="Bytes of an answer's data before it is cut off.")
    queries_at_once: int = Field(
        4, ge=1, description="Queries of a principal that run at the same time, of all twice as many; others wait."
    )
    queries_waiting: int = Field(64, ge=0, description="Queries that may wait for their turn; more are throttled.")
    rate_limits: Literal["", "off", "azure"] = Field(
        "", description="`azure`: what the cloud's services allow a principal; `off`; empty: off on a loopback address."
    )
    queries_per_minute: int = Field(
        0, ge=0, description="Queries a principal may start in a minute, for each API; 0: what `rate_limits` says."
    )
    queries_per_principal: int = Field(16, ge=0, description="Queries of a principal at the same time; 0: no limit.")
    max_request_bytes: int = Field(4 << 20, ge=1024, description="Largest request body, in bytes.")
    max_import_bytes: int = Field(
        2 << 30, ge=1024, description="Largest file of evidence that may be sent to be imported, in bytes."
    )

    memory_limit: str = Field("", description="Memory for the query engine, such as 4GB; empty: 60 % of the machine's.")
    process_memory_mib: int = Field(
        0, ge=0, description="Memory `serve` may reserve in all, in MiB: a query that needs more fails; 0: no limit."
    )
    threads: int = Field(0, ge=0, description="Threads of the query engine; 0: one per processor.")
    spill_limit: str = Field("20GB", description="Disk space for what doesn't fit into memory, in <home>/tmp.")
    upkeep_minutes: int = Field(
        10, ge=0, le=1440, description="How often a server looks after the files of tables, in minutes; 0: never."
    )
    jobs_at_once: int = Field(
        3, ge=0, le=64, description="KQL jobs and summary rules that a server runs at the same time; 0: it runs none."
    )
    intel_minutes: int = Field(
        15,
        ge=0,
        le=1440,
        description="How often a server looks for indicators of threats in new rows, in minutes; 0: never.",
    )
    retention_days: int = Field(
        0, ge=0, le=36_500, description="Days that rows are kept where nothing is said of their table; 0: forever."
    )
    vacuum_hours: int = Field(
        24, ge=2, le=8760, description="How long files stay that a table has no more; no query or load may run longer."
    )
    scheduler: bool = Field(True, description="Whether a server runs analytic rules when they are due.")
    rules_at_once: int = Field(2, ge=1, le=64, description="Windows of analytic rules that a server looks at at once.")
    rule_timeout: int = Field(600, ge=1, le=3600, description="Time a rule's query gets, in seconds.")
    catch_up_days: int = Field(
        30,
        ge=1,
        le=3650,
        description="Windows of rules that are so old are made up for after an outage; not older ones.",
    )
    playbooks: bool = Field(True, description="Whether a server runs playbooks.")
    playbook_calls: int = Field(
        32, ge=1, le=512, description="Calls of playbooks that a server makes at the same time."
    )
    playbook_history_days: int = Field(
        90, ge=1, le=3650, description="Days that the history of a playbook's run is kept after its end."
    )
    signal_hosts: tuple[str, ...] = Field(
        (),
        description="Hosts that reports and feeds of signals are fetched from over TLS: `blog.example.org`, "
        "`*.example.org`, and networks that they may lead to; who names a URL at the command line needs none of it.",
    )
    signal_trust: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        {},
        description="How far sources of signals are trusted, from 0 to 1: `report`, `misp`, or the begin of a "
        "reference, such as `report:https://blog.example.org/`, by its number.",
    )
    signal_days: int = Field(
        365, ge=0, le=36_500, description="Days that a signal for hunts is kept after it came; 0: forever."
    )
    signal_minutes: int = Field(
        240,
        ge=0,
        le=10_080,
        description="How often a server looks for signals in the lake, in minutes; 0: never, nor does it poll feeds.",
    )
    model_url: str = Field(
        "",
        description="Base URL of a language model that speaks OpenAI's protocol, such as "
        "`https://models.example.org/v1`; empty: none is asked.",
    )
    model_name: str = Field("", description="The model that is asked there.")
    model_key: str = Field(
        "",
        description="Where its key is: `env:NAME` for an environment variable, `secret:NAME` for a secret of each "
        "workspace; empty: it needs none.",
    )
    model_workspaces: tuple[str, ...] = Field(("*",), description="Workspaces that may ask the model; `*`: all.")
    model_hosts_without_tls: tuple[str, ...] = Field(
        (), description="Hosts with their port that a model is asked at without TLS, beside this machine."
    )
    model_seconds: int = Field(60, ge=1, le=900, description="Time that a model has for an answer, in seconds.")
    model_at_once: int = Field(2, ge=1, le=64, description="Questions that a model is asked at the same time.")
    model_calls_a_day: int = Field(500, ge=0, description="Questions of a workspace to the model in a day; 0: any.")
    model_tokens_a_day: int = Field(
        2_000_000, ge=0, description="Tokens of a workspace's questions and answers in a day; 0: any number."
    )
    model_cost_a_day: float = Field(
        0, ge=0, description="Money for a workspace's questions in a day, by the prices below; 0: no limit."
    )
    model_price_in: float = Field(0, ge=0, description="Money for a million tokens that the model reads.")
    model_price_out: float = Field(0, ge=0, description="Money for a million tokens that the model writes.")
    model_tape: Literal["passthrough", "record", "replay"] = Field(
        "passthrough", description="Whether the model's answers are recorded on a cassette, or replayed from it."
    )
    model_cassette: Path | None = Field(None, description="The cassette: a file of lines.")
    model_days: int = Field(
        365, ge=0, le=36_500, description="Days that questions to the model and its answers are kept; 0: forever."
    )
    own_names: tuple[str, ...] = Field(
        (),
        description="Names, domains and networks of this place that a model never sees, beside those in its tables.",
    )
    geo_database: Path | None = Field(None, description="MMDB file for geo_info_from_ip_address (extra `geoip`).")

    places: dict[str, str] = Field(
        {},
        description="Workspaces for places that queries name: `adx:https://help.kusto.windows.net/Samples` to `soc`.",
    )
    strict_lake: tuple[str, ...] = Field(
        (), description="Workspaces that refuse what Microsoft's data lake refuses in queries; `*`: all."
    )

    external_folders: tuple[Path, ...] = Field((), description="Folders whose files queries may read: `externaldata`.")
    external_hosts: tuple[str, ...] = Field(
        (), description="Hosts whose files queries may read over TLS: `intel.example.org`, `*.example.org`."
    )
    hunt_places: tuple[str, ...] = Field(
        (),
        description="Places beside their workspace that queries of hunts may read: `workspace:soc-*`, "
        "`adx:https://help.kusto.windows.net/Samples`.",
    )
    hunt_hosts: tuple[str, ...] = Field(
        (), description="Hosts from which queries of hunts may read `externaldata`, if `external_hosts` has them, too."
    )
    playbook_hosts: tuple[str, ...] = Field(
        (),
        description="Hosts that playbooks may call over TLS: `api.example.org`, `*.example.org`, and networks that "
        "they may lead to.",
    )
    external_max_bytes: int = Field(100 << 20, ge=1, description="Largest external file, packed or not, in bytes.")
    external_timeout: int = Field(30, ge=1, le=600, description="Time to fetch an external file, in seconds.")

    @property
    def rate_profile(self) -> str:
        """`azure` or `off`."""
        return self.rate_limits or ("off" if is_loopback(self.host) else "azure")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = _home(init_settings()) / FILE
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)


FILE = "huntlake.toml"
"""The file in the home folder that settings are read from."""


def load(home: Path | None = None, **given: Any) -> Settings:
    """The settings for that home folder; what is `given` counts most. `Invalid` names what is wrong."""
    if home is not None:
        given["home"] = home
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = "; ".join(f"`{'.'.join(map(str, e['loc']))}`: {e['msg']}" for e in error.errors())
        raise Invalid(f"settings (environment HUNTLAKE_*, {_home(given) / FILE}): {wrong}") from None
    except ValueError as error:  # the file isn't TOML
        raise Invalid(f"{_home(given) / FILE}: {error}") from None


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def reference() -> str:
    """Every setting as a row of a Markdown table: name, default, meaning."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for begin, model in (("", Settings), ("oidc.<name>.", OidcProvider)):
        for name, field in model.model_fields.items():
            bare = field.is_required() or field.default in (None, "", (), {})
            rows.append(f"| `{begin}{name}` | {'' if bare else f'`{_shown(field.default)}`'} | {field.description} |")
    return "\n".join(rows)


def _shown(default: Any) -> str:
    return ", ".join(map(str, default)) if isinstance(default, tuple) else str(default).lower()


def _home(given: dict[str, Any]) -> Path:
    return Path(given.get("home") or os.environ.get("HUNTLAKE_HOME") or Settings.model_fields["home"].default)
