"""What people type, in longer flows: as commands.py, with lines of the shell besides.

A line that begins with `$` is the shell's, in a folder of its own; `k` is kubectl there.
"""

EDIT = """
create cm e --from-literal=a=b
$ KUBE_EDITOR="sed -i 's/a: b$/a: c/'" k edit cm e
get cm e -o jsonpath={.data}
$ KUBE_EDITOR=true k edit cm e
$ KUBE_EDITOR=cat k edit cm e
$ KUBE_EDITOR="sed -i s/data:/dat:/" k edit cm e
$ KUBE_EDITOR="sed -i 's/a: c$/a: [x]/'" k edit cm e
$ KUBE_EDITOR="sed -i 's/name: e$/name: f/'" k edit cm e
$ KUBE_EDITOR="sed -i 's/a: c$/a: d/'" k edit cm e -o yaml
$ KUBE_EDITOR="sed -i 's/a: d$/a: e/'" k edit cm e --output-patch
$ KUBE_EDITOR="sed -i 's/\\"a\\": \\"e\\"/\\"a\\": \\"f\\"/'" k edit cm e -o json
$ KUBE_EDITOR="sed -i 's/a: f$/a: g/'" k edit cm e --save-config -o yaml
$ KUBE_EDITOR="sed -i 's/a: g$/a: i/'" k edit cm e --field-manager=fm --show-managed-fields
create -f - < burst
$ KUBE_EDITOR="sed -i s,example.dev/a,example.dev/b," k edit pod burst
$ KUBE_EDITOR="sed -i 's/- name: a/- name: x/'" k edit pod/burst
$ KUBE_EDITOR="sed -i 's/phase: Pending/phase: Running/'" k edit pod burst --subresource=status
$ KUBE_EDITOR="sed -i 's/cpu: 100m/cpu: 150m/'" k edit pod burst --subresource=resize
$ KUBE_EDITOR=true k edit pod nosuch
$ KUBE_EDITOR=true k edit pod
$ KUBE_EDITOR="sed -i s/ed/ed2/" k create --edit cm ed --from-literal=a=b
$ KUBE_EDITOR="sed -i s/ed/ed2/" k create -f - --edit <<< '{"apiVersion":"v1","kind":"List"}'
$ k create deployment ed --image=a --replicas=0
$ KUBE_EDITOR="sed -i 's/image: a/image: b/'" k edit deploy/ed
$ KUBE_EDITOR="sed -i 's/replicas: 0/replicas: -1/'" k edit deploy/ed
$ KUBE_EDITOR="sed -i 's/replicas: 0/replicas: x/'" k edit deploy/ed
$ KUBE_EDITOR="sed -i 's/app: ed/app: x/'" k edit deploy/ed
$ echo '{apiVersion: v1, kind: ConfigMap, metadata: {name: e}, data: {a: z}}' > m.yaml
$ k apply set-last-applied -f m.yaml
$ k apply set-last-applied -f m.yaml --create-annotation=true
$ k apply view-last-applied cm/e -o json
$ k apply view-last-applied cm e nosuch
$ k apply -f m.yaml
$ KUBE_EDITOR="sed -i 's/a: z/a: y/'" k apply edit-last-applied -f m.yaml -o yaml
"""

RIGHTS = """
auth whoami --as=a --as-group=b --as-uid=c --as-user-extra=k=v
auth whoami -o json --as=x
auth reconcile -f - < roles
auth reconcile -f - < roles
auth reconcile -f - --remove-extra-permissions < other-roles
auth reconcile -f - --remove-extra-subjects --remove-extra-permissions < other-roles
auth reconcile -f - --dry-run=client < roles
auth reconcile -f - --dry-run=server < roles
auth reconcile -f - -o yaml < roles
auth reconcile -f - < service
get role,rolebinding -o yaml
auth can-i create pods --subresource=exec --as=foo
auth can-i list deployments.apps -q --as=foo
auth can-i list deployments.nosuch
auth can-i get pod/foo --as=foo -A
auth can-i get nodes
auth can-i get
auth can-i get logs/x
auth can-i --list --as=a --no-headers
auth can-i create deploy --as=system:admin --as-group=system:masters
create token default --bound-object-kind=Secret
create token default --bound-object-kind=Secret --bound-object-name=x --bound-object-uid=y
create token default --duration=-1m
get sa/default --token=bad
get pods --as=a --as-uid=b
"""

DEFINITION = """
create -f - < definition
create -f - < definition
wait --for=condition=Established crd/foos.{ns}.example.dev --timeout=10s
$ until k get foos -o name; do :; done >/dev/null 2>&1
get crd foos.{ns}.example.dev -o name
api-resources --api-group={ns}.example.dev
api-resources --categories=mine
get foos
get foos.v1alpha1.{ns}.example.dev
get fo/x
create -f - < foo
get mine
get foos
get foos -o wide
get foo test -o yaml
get foos.v1alpha1.{ns}.example.dev test -o yaml
apply -f - < foo
apply -f - < wrong-foo
apply -f - < odd-foo
apply -f - < unknown-foo
apply --validate=warn -f - < unknown-foo
apply --validate=ignore -f - < unknown-foo
create -f - < old-foo
get foos.v1.{ns}.example.dev old -o yaml
get foos --field-selector=some=x
patch foo test -p '{"some":"z"}'
patch foo test --type=merge -p '{"some":"z"}'
patch foo test --type=merge -p '{"some":1}'
patch foo test --type=merge --subresource=status -p '{"status":{"replicas":3}}'
patch foo test --type=merge --local -f - -p '{"some":"l"}' -o yaml < foo
wait foo/test --for=jsonpath={.status.replicas}=3 --timeout=1s
wait foo/test --for=jsonpath={.status.nosuch}=3 --timeout=1s
scale foo test --replicas=4
get foo test --subresource=scale
get foo test --subresource=status -o jsonpath={.status}
label foo test x=y
annotate foo test x=y
explain foo.some
explain foos.nested
set image foo/test a=b
rollout restart foo/test
expose foo test --port=80
autoscale foo test --max=3
$ KUBE_EDITOR="sed -i 's/some: z/some: p/'" k edit foo test
$ KUBE_EDITOR="sed -i 's/some: p/some: 3/'" k edit foo test
apply -f - --server-side < foo
apply -f - --server-side --force-conflicts < foo
replace -f - < foo
replace -f - --force < foo
delete foos --all
delete mine --all
patch crd foos.{ns}.example.dev --type=merge -p '{"spec":{"scope":"Cluster"}}'
delete crd foos.{ns}.example.dev
"""

ADMITTED = """
create -f - < burst
$ echo 'spec: {containers: [{name: a, resources: {requests: {cpu: 150m}}}]}' > cpu.yaml
$ echo 'spec: {containers: [{name: a, resources: {requests: {ephemeral-storage: 1}}}]}' > disk.yaml
$ echo 'spec: {containers: [{name: a, resources: {limits: {cpu: 2, memory: 1}}}]}' > more.yaml
patch pod burst --subresource=resize --patch-file=cpu.yaml
get pod burst -o jsonpath='{.metadata.generation} {.spec.containers[*].resources}'
get pod burst --subresource=resize -o name
get pod burst --subresource=ephemeralcontainers -o name
patch pod burst --subresource=resize --patch-file=disk.yaml
patch pod burst --subresource=resize --patch-file=more.yaml
debug burst --image=example.dev/debug -c first --profile=general
get pod burst -o jsonpath={.spec.ephemeralContainers}
create -f - < priority
create -f - < important
get pod important -o jsonpath='{.spec.priority} {.spec.preemptionPolicy}'
create -f - < no-priority
create -f - < own-priority
delete priorityclass {ns}
delete priorityclass system-node-critical
get priorityclass system-node-critical
get svc kubernetes -n default
create -f - < no-account
create -f - < no-runtime
create -f - < runtime
create -f - < run-so
get pod run-so -o jsonpath='{.spec.overhead} {.spec.nodeSelector} {.spec.tolerations}'
create -f - < gated
get pod gated
patch pod gated -p '{"spec":{"schedulingGates":[{"name":"x.y/z"}]}}'
patch pod gated --type=json -p '[{"op":"remove","path":"/spec/schedulingGates"}]'
create -f - < host
get pod host -o jsonpath={.spec.containers[*].ports}
create -f - < wrong-limits
create -f - < limits
create -f - < big
create -f - < several
run small --image=example.dev/a
get pod small -o jsonpath='{.spec.containers[*].resources} {.metadata.annotations}'
create -f - < big-claim
create -f - < indexed
get job indexed -o jsonpath={.spec.backoffLimit}
create -f - < stateful
patch sts stateful -p '{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}'
create -f - < controller
get rc controller --subresource=scale -o jsonpath={.status}
create -f - < balanced
get svc balanced -o yaml
create -f - < outside
$ echo 'status: {loadBalancer: {ingress: [{ip: 1.2.3.4}]}}' > balancer.yaml
patch svc balanced --subresource=status --patch-file=balancer.yaml
create svc clusterip plain --tcp=80
patch svc plain --subresource=status --patch-file=balancer.yaml
expose svc plain --name=none --type=LoadBalancer --cluster-ip=None
create -f - < cluster
patch pv {ns} -p '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'
patch ingressclass {ns} -p '{"spec":{"controller":"x"}}'
patch csidriver {ns} -p '{"spec":{"attachRequired":false}}'
patch node {ns} --type=merge -p '{"spec":{"podCIDR":"10.1.0.0/24","podCIDRs":["10.1.0.0/24"]}}'
patch node {ns} --subresource=status -p '{"status":{"capacity":{"cpu":"4"}}}'
get node {ns} -o jsonpath={.status.allocatable}
cordon {ns}
cordon {ns}
uncordon {ns}
uncordon {ns}
taint node {ns} k=v:NoSchedule
taint node {ns} k=v:NoSchedule
taint node {ns} k=w:NoSchedule --overwrite
taint node {ns} k=v:Bad
taint node {ns} k-
taint node {ns} nosuch-
drain {ns} --dry-run=server
drain {ns}
drain -l kubernetes.io/hostname=nosuch
delete pv,ingressclass,csidriver,node,runtimeclass {ns} --wait=false
"""

FILES = """
$ mkdir -p d/sub
$ echo '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d1"}}' > d/a.json
$ echo '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d2"}}' > d/sub/b.json
$ echo junk > d/sub/c.txt
$ k create -f d
$ k apply -f d -R
$ k get -f d -R
$ k label -f d -R x=y
$ k annotate -f d -R x=y
$ k delete -f d -R
$ k get -f d --ignore-not-found
$ mkdir k
$ printf 'resources: [a.yaml]\\nnamePrefix: p-\\n' > k/kustomization.yaml
$ echo '{apiVersion: v1, kind: ConfigMap, metadata: {name: ka}}' > k/a.yaml
$ k kustomize k
$ k diff -k k | grep -c p-ka
$ k apply -k k
$ k get -k k
$ k delete -k k
$ k kustomize nosuch
$ printf 'one\\n' > text; k create cm text --from-file=text --from-file=key=text -o yaml
$ printf 'A=b\\nC=d\\n' > env; k create secret generic env --from-env-file=env -o jsonpath={.data}
$ k create cm aa --dry-run=client -o yaml > aa.yaml
$ k create cm ab --dry-run=client -o yaml > ab.yaml
$ export KUBECTL_APPLYSET=true; k apply --prune --applyset=mine -f aa.yaml -f ab.yaml
$ export KUBECTL_APPLYSET=true; k apply --prune --applyset=mine -f aa.yaml --dry-run=server
$ export KUBECTL_APPLYSET=true; k apply --prune --applyset=mine -f aa.yaml
get secret mine -o yaml
get cm aa -o yaml
$ export KUBECTL_APPLYSET=true; k apply --prune --applyset=configmap/nosuch -f aa.yaml
$ export KUBECTL_APPLYSET=true; k apply --prune --applyset=deployment/x -f aa.yaml
$ export KUBECTL_APPLYSET=true; k apply --prune --applyset=other -f aa.yaml
$ k create --raw /api/v1/namespaces/{ns}/configmaps -f d/a.json | grep -c d1
delete --raw /api/v1/namespaces/{ns}/configmaps/d1
cluster-info
$ k cluster-info dump -n nosuch | grep kind | sort -u
"""

EMBEDDED = """
create -f - < embedding
$ until k get embs -o name; do :; done >/dev/null 2>&1
create -f - < no-text
create -f - < no-names
create -f - < wrong-label
create -f - --validate=ignore < embedded
get embs.v1.{ns}.example.dev ok -o yaml
create -f - -o yaml < of-v2
get embs.v1.{ns}.example.dev of-v2 -o yaml
get embs.v2.{ns}.example.dev of-v2 -o yaml
patch embs.v1.{ns}.example.dev ok --type=merge -p '{"e":{"kind":""}}'
patch embs.v1.{ns}.example.dev of-v2 --type=merge -p '{"metadata":{"finalizers":["plain","x"]}}'
patch embs.v1.{ns}.example.dev of-v2 --type=merge -p '{"metadata":{"finalizers":null}}'
delete crd embs.{ns}.example.dev
"""

SERVICES = """
$ echo 's() { echo "{apiVersion: v1, kind: Service, metadata: {name: $1}, spec: $2}" > s.yaml;' > s
$ echo 'k apply -f s.yaml && k get svc $1 -o jsonpath={.spec}; }' >> s
$ . ./s; s a '{ports: [{port: 80}], externalTrafficPolicy: Local}'
$ . ./s; s b '{type: NodePort, ports: [{port: 80}], externalTrafficPolicy: Local}'
$ . ./s; s b '{type: ClusterIP, ports: [{port: 80}]}'
$ . ./s; s c '{type: NodePort, ports: [{port: 80}]}'
$ . ./s; s c '{type: ExternalName, externalName: x.y, ports: [{port: 80}]}'
$ . ./s; s d '{ports: [{port: 80}], loadBalancerClass: a/b, loadBalancerSourceRanges: [x]}'
$ . ./s; s d '{ports: [{port: 80}], allocateLoadBalancerNodePorts: true}'
$ . ./s; s e '{type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{port: 80}]}'
$ . ./s; s e '{type: ClusterIP, ports: [{port: 80}]}'
$ . ./s; s f '{sessionAffinity: ClientIP, ports: [{port: 80}]}'
$ . ./s; s f '{sessionAffinity: None, ports: [{port: 80}]}'
$ . ./s; s g '{sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}, sessionAffinity: ClientIP}'
$ . ./s; s h '{ports: [{port: 80, targetPort: -1, nodePort: 30001, appProtocol: a/b/c}]}'
$ . ./s; s i '{ipFamilyPolicy: RequireDualStack, ipFamilies: [IPv6], ports: [{port: 80}]}'
$ . ./s; s j '{externalIPs: [1.2.3.4], ports: [{port: 80}]}'
$ . ./s; s j '{externalIPs: [], ports: [{port: 80}]}'
patch ns {ns} --subresource=status -p '{"status":{"phase":"X"}}'
"""

CERTIFICATES = """
create -f - < csr
create -f - < signer
$ k create -f- <<< '{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, spec: {}}'
$ echo 'status: {conditions: [{type: Denied}]}' > denied.yaml
patch csr {ns} --type=merge --subresource=approval --patch-file=denied.yaml
certificate approve {ns}
get csr {ns} -o jsonpath='{.spec.signerName} {.spec.usages} {.status.conditions[*].reason}'
patch csr {ns} --type=merge --subresource=approval -p '{"status":{"conditions":[]}}'
patch csr {ns} --type=merge --subresource=status -p '{"status":{"conditions":[]}}'
patch csr {ns} --type=merge --subresource=status -p '{"status":{"certificate":"eA=="}}'
certificate deny {ns}
delete csr {ns}
"""

COMPARED = """
create cm c --from-literal=a=b
$ k get cm c -o yaml > same.yaml; sed 's/a: b/a: c/' same.yaml > other.yaml; k diff -f same.yaml
$ k diff -f other.yaml >/dev/null; echo $?
$ k diff -f other.yaml --server-side --force-conflicts >/dev/null; echo $?
$ k diff -f other.yaml --server-side; echo $?
$ k diff -f nosuch.yaml; echo $?
$ KUBECTL_EXTERNAL_DIFF=nosuch k diff -f other.yaml; echo $?
$ KUBECTL_EXTERNAL_DIFF='grep -r a:' k diff -f other.yaml | wc -l
$ (sleep 0.5; k create cm late >/dev/null) & k wait cm/late --for=create --timeout=9s; wait
$ (sleep 0.5; k delete cm late >/dev/null) & k wait cm/late --for=delete --timeout=9s; wait
$ k patch cm c -p '{"metadata":{"finalizers":["a.b/c"]}}'; k delete cm c --timeout=500ms
$ k delete cm c --wait=false; k get cm c -o jsonpath={.metadata.finalizers}
$ k patch cm c -p '{"metadata":{"finalizers":null}}'; k get cm c
$ printf '#!/bin/sh\\necho plugin $@\\n' > kubectl-foo; chmod +x kubectl-foo
$ PATH=$PWD:$PATH k foo a b
$ mkdir .kube; echo 'apiVersion: kubectl.config.k8s.io/v1beta1' > .kube/kuberc
$ echo 'kind: Preference' >> .kube/kuberc
$ echo 'aliases: [{name: named, command: get, appendArgs: [ns, "{ns}", -o, name]}]' >> .kube/kuberc
$ k named
$ echo 'set -m; p() { : > p.log; k proxy --port=0 $@ >> p.log &' > p
$ echo 'until grep -q Starting p.log; do sleep 0.1; done' >> p
$ echo 'A=http://$(grep -o 127.0.0.1:[0-9]* p.log); }' >> p
$ echo 'c() { curl -s -w "%{http_code}\\n" "$@"; }; trap "kill %1" EXIT' >> p
$ . ./p; p; c -o /dev/null $A/version; c $A/nosuch; c -H 'Host: x' $A/api; c -X PATCH $A/api/v1/x
$ . ./p; p; c $A/api/v1/namespaces/{ns}/pods/x/exec; c $A/api/v1/namespaces/{ns}/pods/x
$ . ./p; p --api-prefix=/k8s/ --reject-methods=POST; c $A/api; c -o /dev/null $A/k8s/api
$ . ./p; p --api-prefix=/k8s/ --reject-methods=POST; c -X POST $A/k8s/api
"""

SCENARIOS = {
    "compared": COMPARED,
    "services": SERVICES,
    "certificates": CERTIFICATES,
    "edit": EDIT,
    "rights": RIGHTS,
    "definition": DEFINITION,
    "admitted": ADMITTED,
    "files": FILES,
    "embedded": EMBEDDED,
}
