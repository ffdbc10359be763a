"""The rules that come with the project, as the genesis facts of a local network."""

from __future__ import annotations

from abci_app.domain.rulebook.schema import BundleStored, RulePublished, RuleVersionActivated
from abci_app.kernel.encoding import Value
from abci_app.rules.bundle import bundle_hash, read_bundle
from settle.rules.build import build_bundle
from settle.rules.plugin import SHIPPED


def shipped_rules() -> list[Value]:
    """Every rule under chaincode_plugins with all its versions, numbered from 1 in the order of names.

    Each version rates the usage that its manifest names, from the first block on.
    """
    facts: list[Value] = []
    names = sorted(path.name for path in SHIPPED.iterdir() if (path / "v1").is_dir())
    for rule, name in enumerate(names, 1):
        bundles = [build_bundle(SHIPPED / name / folder) for folder in _versions(name)]
        facts.append(RulePublished(rule, name.encode(), read_bundle(bundles[0]).manifest.slot))
        for version, raw in enumerate(bundles, 1):
            manifest, bundle = read_bundle(raw).manifest, bundle_hash(raw)
            usage = manifest.effective_from, manifest.effective_to
            facts.append(BundleStored(bundle, raw))
            facts.append(RuleVersionActivated(rule, version, bundle, *usage, active_from=0))
    return facts


def _versions(name: str) -> list[str]:
    folders = [path.name for path in (SHIPPED / name).iterdir() if path.name[1:].isdigit()]
    return sorted(folders, key=lambda folder: int(folder[1:]))
