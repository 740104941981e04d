from __future__ import annotations

from ipaddress import ip_network

from huntlake.demo.company import load_company, records


def test_every_documentation_address_is_somewhere() -> None:
    company = load_company()
    for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"):
        assert all(company.place(str(a)).country for a in ip_network(network).hosts())


def test_private_and_loopback_addresses_are_nowhere() -> None:
    company = load_company()
    assert [company.place(a).country for a in ("10.20.1.10", "127.0.0.1", "192.168.1.1", "::1")] == [""] * 4


def test_ranges_do_not_overlap_and_the_united_states_are_among_them() -> None:
    rows = records("geo/documentation-ranges.csv")
    networks = [ip_network(r["network"]) for r in rows]
    for i, a in enumerate(networks):
        assert not any(a.overlaps(b) for b in networks[i + 1 :] if a.version == b.version)
    america = [r for r in rows if r["country"] == "United States"]
    assert any(r["state"] and r["city"] for r in america)
    assert any(not r["city"] for r in america)


def test_offices_are_where_their_addresses_are() -> None:
    company = load_company()
    for office in company.facts["offices"].values():
        assert company.place(office["egress"]).city == office["city"]
