"""What is told of requests besides the audit of writes: by DIR/audit-policy.yaml, when it is there.

Events go to the records, to `audit.log` beside the policy, and to the server that
`audit-webhook.yaml` names, a kubeconfig as kube-apiserver takes it. Read once, at the start.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from towpath.apiserver.auditing.backends import Delivery, lines_in, metrics_of, webhook_at
from towpath.apiserver.auditing.events import Auditing
from towpath.apiserver.auditing.policy import Policy, PolicyInvalid, read_policy
from towpath.app.audit import AuditShipping
from towpath.client.kubeconfig import KubeconfigError, from_kubeconfig

POLICY, LOG, WEBHOOK = "audit-policy.yaml", "audit.log", "audit-webhook.yaml"


@dataclass(slots=True)
class PolicyAudit:
    """Without a policy there is nothing in it, and nothing is asked of any request."""

    policy: Policy | None
    deliveries: list[Delivery]

    def for_plane(self) -> Auditing | None:
        if self.policy is None:
            return None
        return Auditing(self.policy, [delivery.put for delivery in self.deliveries])

    def put_on_record(self, auditing: Auditing | None, shipping: AuditShipping) -> None:
        """The records get what they do not have from the writes themselves."""
        if auditing is not None:
            delivery = Delivery(f"records of {shipping.name}", shipping.tell)
            self.deliveries.append(delivery)
            auditing.add(delivery.put)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for delivery in self.deliveries:
                tasks.create_task(delivery.run())
            # A platform without a policy has this task too: one that ended would be a failure.
            await asyncio.Event().wait()

    def lines(self) -> Sequence[str]:
        return metrics_of(self.deliveries) if self.deliveries else []


async def read_audit(data: Path) -> PolicyAudit:
    """Raises PolicyInvalid."""
    return await asyncio.to_thread(_read, data)


def _read(data: Path) -> PolicyAudit:
    path = data / POLICY
    if not path.exists():
        return PolicyAudit(None, [])
    try:
        policy = read_policy(path.read_text(encoding="utf-8"))
    except (PolicyInvalid, UnicodeDecodeError) as error:
        raise PolicyInvalid(f"{path}: {error}") from error
    deliveries = [Delivery("log", lines_in(data / LOG))]
    webhook = data / WEBHOOK
    if webhook.exists():
        try:
            deliveries.append(Delivery("webhook", webhook_at(from_kubeconfig(webhook))))
        except KubeconfigError as error:
            raise PolicyInvalid(f"{webhook}: {error}") from error
    return PolicyAudit(policy, deliveries)
