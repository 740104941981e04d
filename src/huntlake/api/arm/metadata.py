"""Metadata of content, as Azure Resource Manager shows it."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from huntlake.api.arm.resource import SENTINEL, Resource
from huntlake.api.arm.wire import Part, Plain
from huntlake.detection.content_metadata import ContentMetadata, Joined, SourceKind, SupportTier
from huntlake.identity.rights import Action

_TEXT, _IMAGE = 10_000, 1 << 18


class SourceInfo(Part):
    """Where content comes from."""

    kind: SourceKind
    name: str | None = Field(None, max_length=_TEXT)
    source_id: str | None = Field(None, max_length=_TEXT)


class AuthorInfo(Part):
    """Who wrote content."""

    name: str | None = Field(None, max_length=_TEXT)
    email: str | None = Field(None, max_length=_TEXT)
    link: str | None = Field(None, max_length=_TEXT)


class SupportInfo(Part):
    """Who helps with content."""

    tier: SupportTier
    name: str | None = Field(None, max_length=_TEXT)
    email: str | None = Field(None, max_length=_TEXT)
    link: str | None = Field(None, max_length=_TEXT)


class DependencyInfo(Part):
    """What content needs."""

    content_id: str | None = Field(None, max_length=_TEXT)
    kind: str | None = Field(None, max_length=200)
    version: str | None = Field(None, max_length=200)
    name: str | None = Field(None, max_length=_TEXT)
    operator: Joined | None = None
    criteria: tuple[DependencyInfo, ...] | None = None


class CategoriesInfo(Part):
    """What content is about."""

    domains: tuple[str, ...] = ()
    verticals: tuple[str, ...] = ()


class MetadataProperties(Part):
    """What can be said of content."""

    parent_id: str = Field(min_length=1, max_length=2000)
    kind: str = Field(min_length=1, max_length=200)
    content_id: str | None = Field(None, max_length=_TEXT)
    version: str | None = Field(None, max_length=200)
    source: SourceInfo | None = None
    author: AuthorInfo | None = None
    support: SupportInfo | None = None
    dependencies: DependencyInfo | None = None
    categories: CategoriesInfo | None = None
    providers: tuple[str, ...] | None = None
    first_publish_date: date | None = None
    last_publish_date: date | None = None
    custom_version: str | None = Field(None, max_length=200)
    content_schema_version: str | None = Field(None, max_length=200)
    icon: str | None = Field(None, max_length=_IMAGE)
    threat_analysis_tactics: tuple[str, ...] | None = None
    threat_analysis_techniques: tuple[str, ...] | None = None
    preview_images: tuple[str, ...] | None = None
    preview_images_dark: tuple[str, ...] | None = None


METADATA: Resource[ContentMetadata] = Resource(
    type="Microsoft.SecurityInsights/metadata",
    path=f"{SENTINEL}/metadata",
    form=Plain(MetadataProperties, ContentMetadata),
    store=lambda place: place.services.detection.metadata,
    write=Action.AUTHOR,
    filters=frozenset({"name", "properties/kind", "properties/contentId", "properties/parentId", "properties/version"}),
)
