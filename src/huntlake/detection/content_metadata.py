"""Metadata of content: where a rule, a hunt or a workbook comes from, who stands behind it, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from huntlake.core.clock import Clock
from huntlake.state.documents import Shelf
from huntlake.state.records import Records


class SourceKind(StrEnum):
    """Where content comes from."""

    LOCAL = "LocalWorkspace"
    COMMUNITY = "Community"
    SOLUTION = "Solution"
    REPOSITORY = "SourceRepository"


class SupportTier(StrEnum):
    """Who helps with content."""

    MICROSOFT = "Microsoft"
    PARTNER = "Partner"
    COMMUNITY = "Community"


class Joined(StrEnum):
    """Whether all of several dependencies are needed, or one."""

    AND = "AND"
    OR = "OR"


@dataclass(frozen=True, slots=True)
class ContentSource:
    """Where content comes from, by name and id."""

    kind: SourceKind
    name: str | None = None
    source_id: str | None = None


@dataclass(frozen=True, slots=True)
class ContentAuthor:
    """Who wrote content."""

    name: str | None = None
    email: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class ContentSupport:
    """Who helps with content."""

    tier: SupportTier
    name: str | None = None
    email: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Dependency:
    """What content needs: one thing, or several that are joined."""

    content_id: str | None = None
    kind: str | None = None
    version: str | None = None
    name: str | None = None
    operator: Joined | None = None
    criteria: tuple[Dependency, ...] | None = None


@dataclass(frozen=True, slots=True)
class ContentCategories:
    """What content is about."""

    domains: tuple[str, ...] = ()
    verticals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContentMetadata:
    """What there is to say of one piece of content; `parent_id` is the resource that it describes."""

    parent_id: str
    kind: str
    content_id: str | None = None
    version: str | None = None
    source: ContentSource | None = None
    author: ContentAuthor | None = None
    support: ContentSupport | None = None
    dependencies: Dependency | None = None
    categories: ContentCategories | None = None
    providers: tuple[str, ...] | None = None
    first_publish_date: date | None = None
    last_publish_date: date | None = None
    custom_version: str | None = None
    content_schema_version: str | None = None
    icon: str | None = None
    threat_analysis_tactics: tuple[str, ...] | None = None
    threat_analysis_techniques: tuple[str, ...] | None = None
    preview_images: tuple[str, ...] | None = None
    preview_images_dark: tuple[str, ...] | None = None


def content_metadata(shelf: Shelf, clock: Clock) -> Records[ContentMetadata]:
    """The metadata of content, by workspace."""
    return Records(shelf, clock, "metadata of content", ContentMetadata)
