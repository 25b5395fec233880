"""One API server with everything in front of it: rights, tokens, virtual kinds and the wire.

    front = await Front.open(store, pki, name="platform")
    tasks.create_task(front.run())
    async with Listener(front.application, port=8443, tls=pki.server_context()): ...
    front.application.end_streams()      # before the listener stops

The platform has one, and each local cluster has one.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from towpath.apiserver.authn.chain import RequestAuthenticator
from towpath.apiserver.authn.pki import Pki
from towpath.apiserver.authn.reviews import Identities
from towpath.apiserver.authn.secrets import TokenSecrets
from towpath.apiserver.authn.signing import CertificateSigner
from towpath.apiserver.authn.tokens import ServiceAccountTokens
from towpath.apiserver.authz.defaults import ensure_default_roles
from towpath.apiserver.authz.escalation import escalation_check
from towpath.apiserver.authz.following import RbacFollower
from towpath.apiserver.authz.index import RbacIndex
from towpath.apiserver.authz.reviews import AccessReviews
from towpath.apiserver.flows.keeping import FlowKeeping
from towpath.apiserver.flows.matching import Flows
from towpath.apiserver.http.application import ApiApplication
from towpath.apiserver.http.metrics import storage_lines
from towpath.apiserver.inprocess import InProcessClient
from towpath.apiserver.newevents import WithNewEvents
from towpath.apiserver.podlogs import LogReadingClient
from towpath.apiserver.pods import Pods
from towpath.apiserver.server import ApiServer
from towpath.apiserver.virtual import WithVirtualKinds
from towpath.machinery.users import PLATFORM, Authenticate, Authorize, UserInfo
from towpath.store.contract import Store

if TYPE_CHECKING:
    from towpath.apiserver.auditing.events import Auditing

POLICIES = "admissionregistration.k8s.io/validatingadmissionpolicies"


def issuer_named(name: str) -> str:
    """Who signs the tokens of the service accounts of one server."""
    return f"https://towpath.dev/{name}"


class Front:
    """The parts of one served API; made by `open`."""

    def __init__(
        self,
        *,
        api: ApiServer,
        index: RbacIndex,
        follower: RbacFollower,
        verbs: WithVirtualKinds,
        tokens: ServiceAccountTokens,
        authenticate: RequestAuthenticator,
        application: ApiApplication,
        flows: FlowKeeping,
        secrets: TokenSecrets,
        signer: CertificateSigner | None = None,
        pods: Pods | None = None,
    ) -> None:
        self.api = api
        self.verbs = verbs
        """What in-process clients should be given: with the virtual kinds."""
        self.tokens = tokens
        """Usable as hooks.platform.TokenIssuer."""
        self.authenticate = authenticate
        self.authorize: Authorize = index.authorize
        self.application = application
        self._follower = follower
        self._flows = flows
        self._secrets = secrets
        self._signer = signer
        self._pods = pods

    @classmethod
    async def open(
        cls,
        store: Store,
        pki: Pki,
        *,
        name: str,
        bearer: Sequence[Authenticate] = (),
        anonymous_at: Callable[[str], bool] = lambda _path: True,
        audit: "Auditing | None" = None,
        pods: Pods | None = None,
        signs_certificates: bool = False,
    ) -> "Front":
        """`name` tells the tokens of one server from another's; `bearer` are further tokens.

        `anonymous_at` says at which paths somebody without credentials is heard; `audit` tells of
        requests besides what is in every write's commit. Only the one API that all who hold a
        certificate of the PKI are known to may sign any: `signs_certificates`.
        """
        index = RbacIndex()
        follower = RbacFollower(index, store)
        api = await ApiServer.start(
            store,
            authorize=index.authorize,
            explain=index.explain,
            validating=(escalation_check(index),),
        )
        await ensure_default_roles(api)
        tokens = ServiceAccountTokens(pki.token_key_file, store, issuer=issuer_named(name))
        authenticate = RequestAuthenticator(
            index.authorize,
            pki.admin_token,
            tokens,
            bearer=tuple(bearer),
            anonymous_at=anonymous_at,
        )
        verbs = WithVirtualKinds(
            WithNewEvents(api),
            api.core.registry,
            access=AccessReviews(index, index.authorize),
            identities=Identities(api, tokens, authenticate),
            authorize=index.authorize,
        )
        flows = Flows(store)
        application = ApiApplication(
            verbs=verbs,
            registry=api.core.registry,
            authenticate=authenticate,
            authorize=index.authorize,
            pods=pods,
            audit=audit,
            flows=flows,
            explain=index.explain,
        )
        application.metrics.contributed.append(lambda: storage_lines(api.core))
        return cls(
            api=api,
            index=index,
            follower=follower,
            verbs=verbs,
            tokens=tokens,
            authenticate=authenticate,
            application=application,
            flows=FlowKeeping(flows, verbs),
            secrets=TokenSecrets(api.core, tokens, pki.ca_pem),
            signer=CertificateSigner(api.core, pki.ca_file.parent) if signs_certificates else None,
            pods=pods,
        )

    def client(self, user: UserInfo = PLATFORM) -> InProcessClient:
        """Where pods run it is a client.protocols.LogReader as well."""
        registry = self.api.core.registry
        if self._pods is None:
            return InProcessClient(self.verbs, registry, user)
        return LogReadingClient(
            self.verbs, registry, user, authorize=self.authorize, pods=self._pods
        )

    async def run(self) -> None:
        """What the API does by itself, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.api.run())
            tasks.create_task(self._follower.fill_aggregated_roles(self.verbs))
            tasks.create_task(self._secrets.run())
            tasks.create_task(self._flows.run())
            tasks.create_task(self._check_policies())
            if self._signer is not None:
                tasks.create_task(self._signer.run())

    async def _check_policies(self) -> None:
        """Loaded with the first policy, for it brings the compiler of CEL."""
        found = asyncio.Event()
        store = self.api.core.store
        store.observe(POLICIES, lambda _event: found.set())
        if not store.count(POLICIES):
            await found.wait()
        from towpath.apiserver.admission.policies.typechecking import TypeChecking

        await TypeChecking(self.api.core, self.verbs).run()
