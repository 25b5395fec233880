"""No kind of ours shares a plural or short name with a kind of the ecosystem (DESIGN 12.1)."""

import importlib
import pkgutil
from collections import Counter

import pytest

import towpath.capabilities
from towpath.machinery.kinds import GROUP
from towpath.machinery.objects import RawObject

KUBERNETES = """
    bindings componentstatuses configmaps endpoints events limitranges namespaces nodes
    persistentvolumeclaims persistentvolumes pods podtemplates replicationcontrollers
    resourcequotas secrets serviceaccounts services mutatingwebhookconfigurations
    validatingadmissionpolicies validatingadmissionpolicybindings validatingwebhookconfigurations
    customresourcedefinitions apiservices controllerrevisions daemonsets deployments replicasets
    statefulsets horizontalpodautoscalers cronjobs jobs certificatesigningrequests leases
    endpointslices flowschemas ingressclasses ingresses networkpolicies runtimeclasses
    poddisruptionbudgets clusterrolebindings clusterroles rolebindings roles priorityclasses
    storageclasses volumeattachments
    cs cm ep ev limits ns no pvc pv po rc quota sa svc crd crds ds deploy rs sts hpa cj csr ing
    netpol pdb pc sc
"""
ARGO_AND_FLUX = """
    applications applicationsets appprojects app apps appset appsets appproj appprojs rollouts ro
    gitrepositories gitrepo kustomizations ks helmreleases hr helmrepositories helmcharts
    ocirepositories canaries
"""
CROSSPLANE = """
    compositeresourcedefinitions xrd xrds compositions comp compositionrevisions comprev
    configurations providers functions functionrevisions providerrevisions environmentconfigs
    envcfg usages clusterusages operations ops cronoperations watchoperations
    managedresourcedefinitions providerconfigs providerconfigusages
    databases grants extensions releases objects workspaces
"""
OTHERS = """
    secretstores ss clustersecretstores css externalsecrets es pushsecrets ps
    clusterexternalsecrets ces
    tables migrations views datatypes
    constrainttemplates constraints assign assignmetadata modifyset
    servicemonitors smon podmonitors pmon prometheusrules promrule probes alertmanagers
    prometheuses featureflags ff featureflagsources ffs
    clusterpolicies cpol policies pol
"""
TAKEN = frozenset(f"{KUBERNETES} {ARGO_AND_FLUX} {CROSSPLANE} {OTHERS}".split())


def our_kinds() -> list[RawObject]:
    found: list[RawObject] = []
    for module in pkgutil.walk_packages(towpath.capabilities.__path__, "towpath.capabilities."):
        if module.name.endswith(".kinds"):
            found += getattr(importlib.import_module(module.name), "KINDS", ())
    return [crd for crd in found if crd["spec"]["group"] == GROUP]


def names(crd: RawObject) -> list[str]:
    accepted = crd["spec"]["names"]
    return [accepted["plural"], *accepted["shortNames"]]


@pytest.mark.parametrize("crd", our_kinds(), ids=lambda crd: crd["spec"]["names"]["kind"])
def test_a_kind_of_ours_takes_no_name_of_the_ecosystem(crd: RawObject) -> None:
    assert not TAKEN.intersection(names(crd))


def test_our_kinds_take_no_name_from_each_other() -> None:
    counted = Counter(name for crd in our_kinds() for name in names(crd))
    assert [name for name, count in counted.items() if count > 1] == []
