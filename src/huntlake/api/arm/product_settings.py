"""Sentinel's settings, as Azure Resource Manager shows them."""

from __future__ import annotations

from typing import Any, ClassVar

from huntlake.api.arm.resource import SENTINEL, Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.core.errors import Invalid
from huntlake.detection.product_settings import EntityProvider, ProductSetting, SettingKind, UebaSource
from huntlake.identity.rights import Action
from huntlake.state.documents import Document


class Switch(Part):
    """What can be said of a setting that is but a switch."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"isEnabled"})


class Entities(Part):
    """Where entities may be looked up."""

    entity_providers: tuple[EntityProvider, ...] | None = None


class Behaviour(Part):
    """What behaviour is learned from."""

    data_sources: tuple[UebaSource, ...] | None = None


_FORMS: dict[SettingKind, type[Part]] = {
    SettingKind.ANOMALIES: Switch,
    SettingKind.EYES_ON: Switch,
    SettingKind.ENTITY_ANALYTICS: Entities,
    SettingKind.UEBA: Behaviour,
}


class SettingForm:
    """A setting: its kind, which is its name too, and what there is to say of that kind."""

    def shown(self, place: Place, document: Document[ProductSetting]) -> dict[str, Any]:
        """The kind, and the properties."""
        setting = document.value
        form = _FORMS[setting.kind]
        return {"kind": setting.kind.value, "properties": form.model_validate(setting, from_attributes=True).wire()}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> ProductSetting:
        """The setting that a body describes."""
        properties = properties_of(body, "kind")
        said = next((v for k, v in body.items() if k.lower() == "kind"), None)
        kind = next((k for k in SettingKind if k.value.lower() == str(said).lower()), None)
        if kind is None:
            raise Invalid(f"`kind` is one of {', '.join(SettingKind)}, not `{str(said)[:40]}`")
        if kind.value.lower() != name.lower():
            raise Invalid(f"a setting of the kind `{kind}` is named `{kind}`, not `{name[:40]}`")
        given = read(_FORMS[kind], properties)
        return ProductSetting(
            kind,
            entity_providers=given.entity_providers if isinstance(given, Entities) else None,
            data_sources=given.data_sources if isinstance(given, Behaviour) else None,
        )


SETTINGS: Resource[ProductSetting] = Resource(
    type="Microsoft.SecurityInsights/settings",
    path=f"{SENTINEL}/settings",
    form=SettingForm(),
    store=lambda place: place.services.detection.settings,
    write=Action.AUTHOR,
)
