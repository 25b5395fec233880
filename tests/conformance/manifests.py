"""What the commands of commands.py and flows.py read from their standard input, by name."""

SIGNING_REQUEST = """\
LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWk1JR0FBZ0VBTUI0eERUQUxCZ05WQkFNTUJH\
cGhibVV4RFRBTEJnTlZCQW9NQkdSbGRuTXdXVEFUQmdjcQpoa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVFDcTQr\
Mk8waGF4UlYrWnZOQlJoZFoxMWVaS1FSUWorbFJDbGpTCmhyakZOTm9RLzBUd01McHdQa1ZFMnpKL3czOFVnWGw0\
SmNZdHUyTGg5VWVPeld1SG9BQXdDZ1lJS29aSXpqMEUKQXdJRFNBQXdSUUlnQXBycXlTblNRWktRNzRaMnN6bmJw\
b3BGbWFya3MyS2o2ZWZuc24yUWlDa0NJUURjTjQ1eApBZi90Zi91aEJNbEhzcUdSQVlwNmhqWGJMVlh5UjcwMUw4\
OTkrZz09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo="""
"""For CN=jane, O=devs. Its key is nowhere."""


def _pod(name: str, spec: str) -> str:
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec: {{{spec}, containers: [{{name: a, image: example.dev/a}}]}}
"""


MANIFESTS = {
    "csr": f"""
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {{name: "{{ns}}"}}
spec: {{request: {SIGNING_REQUEST}, signerName: example.dev/own, usages: [client auth]}}
""",
    "signer": f"""
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {{name: wrong}}
spec:
  request: {SIGNING_REQUEST}
  signerName: A/b/c
  usages: [client auth, client auth, nosuch]
  expirationSeconds: 5
""",
    "pod": """
apiVersion: v1
kind: Pod
metadata: {name: valid-pod, labels: {name: valid-pod}}
spec:
  containers:
  - {name: serve, image: example.dev/serve, resources: {limits: {cpu: "1", memory: 512Mi}}}
""",
    "idle": """
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle, labels: {app: idle}}
spec:
  paused: true
  replicas: 0
  selector: {matchLabels: {app: idle}}
  template:
    metadata: {labels: {app: idle}}
    spec:
      containers:
      - {name: main, image: example.dev/main, ports: [{containerPort: 80}]}
      - {name: side, image: "example.dev/side:2"}
""",
    "map": "{apiVersion: v1, kind: ConfigMap, metadata: {name: map}, data: {a: c}}",
    "number": "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: 1}}",
    "unknown": "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, dat: {a: c}}",
    "twice": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: c}\ndata: {b: c}\n",
    "version": "{apiVersion: v2, kind: ConfigMap, metadata: {name: x}}",
    "kind": "{apiVersion: foo/v1, kind: Foo, metadata: {name: x}}",
    "elsewhere": "{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: nosuch}}",
    "list": """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: l1, labels: {p: q}}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: l2, labels: {p: q}}}
""",
    "one": "{apiVersion: v1, kind: ConfigMap, metadata: {name: l1, labels: {p: q}}}",
    "claim": """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
""",
    "old": """
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: old}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: nosuch}
  maxReplicas: 3
  targetCPUUtilizationPercentage: 70
""",
    "service": "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80}]}}",
    "roles": """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: rr}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: rr}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: rr}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: a}]
""",
    "other-roles": """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: rr}
rules: [{apiGroups: [""], resources: [pods], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: rr}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: other}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: b}]
""",
    "definition": """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: foos.{ns}.example.dev}
spec:
  group: {ns}.example.dev
  scope: Namespaced
  names: {plural: foos, singular: foo, kind: Foo, shortNames: [fo], categories: [mine]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          some: {type: string, description: What it is.}
          other: {type: string}
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
          nested: {type: object, properties: {b: {type: integer, minimum: 1}}}
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
    additionalPrinterColumns:
    - {name: Some, type: string, jsonPath: .some}
    - {name: Wide, type: integer, jsonPath: .spec.replicas, priority: 1}
  - name: v1alpha1
    served: true
    storage: false
    deprecated: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
""",
    "foo": """
apiVersion: {ns}.example.dev/v1
kind: Foo
metadata: {name: test, labels: {a: b}}
some: x
spec: {replicas: 2}
""",
    "wrong-foo": """
apiVersion: {ns}.example.dev/v1
kind: Foo
metadata: {name: test}
nested: {b: 0}
""",
    "odd-foo": "{apiVersion: {ns}.example.dev/v1, kind: Foo, metadata: {name: test}, other: y}",
    "unknown-foo": "{apiVersion: {ns}.example.dev/v1, kind: Foo, metadata: {name: u}, none: y}",
    "old-foo": "{apiVersion: {ns}.example.dev/v1alpha1, kind: Foo, metadata: {name: old}, some: x}",
    "burst": """
apiVersion: v1
kind: Pod
metadata: {name: burst}
spec:
  containers:
  - name: a
    image: example.dev/a
    resources: {requests: {cpu: 100m, memory: 1Mi}, limits: {cpu: 200m}}
""",
    "priority": """
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: "{ns}"}
value: 77
preemptionPolicy: Never
""",
    "important": _pod("important", 'priorityClassName: "{ns}"'),
    "no-priority": _pod("x", "priorityClassName: nosuch"),
    "own-priority": _pod("x", "priority: 5"),
    "no-account": _pod("x", "serviceAccountName: nosuch"),
    "no-runtime": _pod("x", "runtimeClassName: nosuch"),
    "runtime": """
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: "{ns}"}
handler: h
overhead: {podFixed: {cpu: 1m}}
scheduling: {nodeSelector: {a: b}, tolerations: [{key: x, operator: Exists}]}
""",
    "run-so": _pod("run-so", 'runtimeClassName: "{ns}"'),
    "gated": _pod("gated", "schedulingGates: [{name: a.b/c}]"),
    "host": """
apiVersion: v1
kind: Pod
metadata: {name: host}
spec:
  hostNetwork: true
  containers: [{name: a, image: example.dev/a, ports: [{containerPort: 80}]}]
""",
    "limits": """
apiVersion: v1
kind: LimitRange
metadata: {name: limits}
spec:
  limits:
  - {type: Pod, max: {cpu: 1}, min: {cpu: 10m}}
  - {type: PersistentVolumeClaim, max: {storage: 10Gi}, min: {storage: 1Mi}}
  - type: Container
    max: {cpu: 500m}
    default: {cpu: 200m, memory: 1Mi}
    maxLimitRequestRatio: {cpu: 3}
""",
    "wrong-limits": """
apiVersion: v1
kind: LimitRange
metadata: {name: wrong}
spec:
  limits:
  - type: Container
    max: {cpu: 1}
    min: {cpu: 2}
    default: {cpu: 3}
    defaultRequest: {cpu: 4}
  - {type: PersistentVolumeClaim}
  - {type: Pod, default: {cpu: 1}}
""",
    "big": """
apiVersion: v1
kind: Pod
metadata: {name: big}
spec: {containers: [{name: a, image: example.dev/a, resources: {limits: {cpu: 2}}}]}
""",
    "several": """
apiVersion: v1
kind: Pod
metadata: {name: several}
spec:
  containers:
  - {name: a, image: a, resources: {limits: {cpu: 400m}, requests: {cpu: 100m}}}
  - {name: b, image: a, resources: {limits: {cpu: 400m}}}
  - {name: c, image: a, resources: {limits: {cpu: 400m}}}
""",
    "big-claim": """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: big}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 20Gi}}}
""",
    "indexed": """
apiVersion: batch/v1
kind: Job
metadata: {name: indexed}
spec:
  suspend: true
  completionMode: Indexed
  completions: 3
  backoffLimitPerIndex: 1
  template: {spec: {restartPolicy: Never, containers: [{name: a, image: example.dev/a}]}}
""",
    "stateful": """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: stateful}
spec:
  replicas: 0
  serviceName: s
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: example.dev/c}]}}
""",
    "controller": """
apiVersion: v1
kind: ReplicationController
metadata: {name: controller}
spec:
  replicas: 0
  selector: {a: b}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: example.dev/c}]}}
""",
    "balanced": """
apiVersion: v1
kind: Service
metadata: {name: balanced}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]}
""",
    "outside": """
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {externalIPs: [1.2.3.4, x], ports: [{port: 80}]}
""",
    "cluster": """
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: PersistentVolume
  metadata: {name: "{ns}"}
  spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /x}}
- apiVersion: networking.k8s.io/v1
  kind: IngressClass
  metadata: {name: "{ns}"}
  spec: {controller: example.dev/c}
- {apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: "{ns}"}, spec: {}}
- apiVersion: v1
  kind: Node
  metadata: {name: "{ns}", labels: {kubernetes.io/hostname: h}}
  spec: {podCIDR: 10.0.0.0/24}
""",
    "embedding": """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: embs.{ns}.example.dev}
spec:
  group: {ns}.example.dev
  scope: Namespaced
  names: {plural: embs, kind: Emb}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          d: {type: string, default: one}
          e: &resource
            type: object
            x-kubernetes-embedded-resource: true
            x-kubernetes-preserve-unknown-fields: true
          l: {type: array, items: *resource}
  - name: v2
    served: true
    storage: false
    schema:
      openAPIV3Schema:
        type: object
        properties: {d: {type: string}, other: {type: string, default: two}}
""",
    "no-text": """
{"apiVersion": "{ns}.example.dev/v1", "kind": "Emb", "metadata": {"name": "a"},
 "l": [{"apiVersion": "v1", "kind": true}]}
""",
    "no-names": """
{"apiVersion": "{ns}.example.dev/v1", "kind": "Emb", "metadata": {"name": "a"}, "e": {"x": 1}}
""",
    "wrong-label": """
{"apiVersion": "{ns}.example.dev/v1", "kind": "Emb", "metadata": {"name": "a"},
 "e": {"apiVersion": "v1", "kind": "X", "metadata": {"labels": {"a b": "c"}}}}
""",
    "embedded": """
{"apiVersion": "{ns}.example.dev/v1", "kind": "Emb", "metadata": {"name": "ok"},
 "e": {"apiVersion": "v1", "kind": "X", "metadata": {"none": 2, "name": "n"}, "z": 1}}
""",
    "of-v2": """
{"apiVersion": "{ns}.example.dev/v2", "kind": "Emb",
 "metadata": {"name": "of-v2", "finalizers": ["plain", "a.b"]}}
""",
}
