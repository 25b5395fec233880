"""What people type, for kubectl on both servers: output, complaints and exit code are the same.

A line is one command; `< name` at its end gives it the manifest of that name. Nothing here waits
for a controller: those are at work on one side only.
"""

CREATE = """
create deployment web --image=example.dev/a:1 --replicas=0 --port=80
create deployment web --image=example.dev/a:1
create deployment Web --image=example.dev/a:1
create deployment multi --image=a --image=b -- sh
create job never --image=example.dev/a --dry-run=server -o yaml
create cronjob cj --image=example.dev/a --schedule='0 0 31 2 *' -- echo hi
create cronjob cj2 --image=example.dev/a --schedule=x -- echo hi
create job fromx --from=cronjob/none
create service clusterip s1 --tcp=80:8080
create service clusterip s2 --clusterip=None --tcp=5678:8080
create service clusterip s3 --clusterip=1.2.3.4 --tcp=5678:8080
create service nodeport s4 --tcp=80:8080 --node-port=30080
create service nodeport s5 --tcp=80:8080 --node-port=30080
create service nodeport s6 --tcp=80:8080 --node-port=80
create service loadbalancer s7 --tcp=80:8080
create service externalname s8 --external-name=bar.com
create service externalname s9 --external-name=bar_com
create svc clusterip s10 --tcp=80 --tcp=80
create svc clusterip s11 --tcp=99999
create ingress i1 --rule=foo.com/bar=svc1:8080,tls=my-cert --rule='foo.com/*=svc2:http' --class=c
create ingress i2 --default-backend=defaultsvc:http -o yaml --dry-run=server
create ingress i3 --rule='foo_com/bar=svc1:8080'
create role r1 --verb=get,list,watch --resource=pods,deployments.apps,pods/status
create role r2 --verb=get --resource=pods --resource-name=a --resource-name=b
create role r3 --verb=get --resource=nosuch
create clusterrole {ns}-1 --verb=get,list --resource=pods --dry-run=server -o yaml
create clusterrole {ns}-2 --aggregation-rule=example.dev/to-view=true -o yaml --dry-run=server
create clusterrole {ns}-3 --verb=get --non-resource-url=/logs/* --dry-run=server -o yaml
create clusterrole {ns}-4 --verb=foo --non-resource-url=/logs/* --dry-run=server -o yaml
create rolebinding rb1 --role=r1 --user=alice --group=devs --serviceaccount={ns}:default
create rolebinding rb2 --clusterrole=nosuch --user=alice
create clusterrolebinding {ns} --clusterrole=view --user=alice --dry-run=server -o yaml
create quota q1 --hard=cpu=1,memory=1G,secrets=50
create quota q2 --hard=cpu=1 --scopes=BestEffort
create quota q3 --hard=pods=1 --scopes=BestEffort,NotTerminating
create quota q4 --hard=foo=1
create quota q5 --hard=pods=x
create pdb p1 --selector=app=web --min-available=50%
create pdb p2 --selector=app=web --max-unavailable=1 -o yaml --dry-run=server
create pdb p3 --selector=app=web --min-available=x
create priorityclass {ns} --value=1000 --description=high --dry-run=server -o yaml
create priorityclass {ns} --value=2000000000 --dry-run=server
create priorityclass system-{ns} --value=5 --dry-run=server
create secret generic sec1 --from-literal=a=b --from-literal=c=d
create secret generic sec2 --from-literal=a=b --type=my/type -o yaml
create secret generic sec3 --from-literal=a/b=c
create secret docker-registry sec4 --docker-username=u --docker-password=p --docker-email=e@x
create secret docker-registry sec5 --docker-server=x
create secret generic sec7 --type=kubernetes.io/tls --from-literal=a=b
create secret generic sec8 --type=kubernetes.io/basic-auth --from-literal=a=b
create secret generic sec9 --type=kubernetes.io/ssh-auth --from-literal=a=b
create secret generic sec10 --type=kubernetes.io/service-account-token --from-literal=a=b
create secret generic sec11 --type=kubernetes.io/dockerconfigjson --from-literal=.dockerconfigjson=b
create configmap cm1 --from-literal=a=b -o name
create configmap cm1 --from-literal=a=b
create configmap cm_2 --from-literal=a=b
create configmap cm2 --from-literal='a b=b'
create configmap cm4 --append-hash --from-literal=a=b
create namespace {ns}
create namespace BAD
create namespace {ns}-b --dry-run=server -o yaml
create serviceaccount sa1
create serviceaccount sa1
create token nosuch
create token sa1 --duration=1s
create token sa1 --bound-object-kind=Pod --bound-object-name=nosuch
create token sa1 --bound-object-kind=Foo --bound-object-name=nosuch
run p2 --image='bad image'
run p5 --image=a --restart=Always --command --dry-run=server -- a b c
expose deployment web --port=80 --target-port=8000
expose deployment web --port=80 --name=web2 --type=NodePort
expose deployment nosuch --port=80
expose service s1 --name=s1x --port=44 --type=LoadBalancer
create -f - < claim
create -f - < old
get hpa old -o yaml
get hpa.v2.autoscaling old -o jsonpath={.spec.metrics}
get svc,ing,role,rolebinding,secret,sa,pvc,hpa,cj,pdb
get svc,ing,rolebinding -o wide
describe role r1
describe rolebinding rb1
describe secret sec1
describe sa sa1
describe ns {ns}-b
"""

READ = """
create -f - --save-config < pod
get po valid-pod -o 'jsonpath={.metadata.name} {.spec.containers[*].image}'
get po -o 'go-template={{range .items}}{{.metadata.name}} {{end}}'
get po -o custom-columns=NAME:.metadata.name,QOS:.status.qosClass --no-headers
get po --show-labels -L name
get po -o wide --sort-by=.metadata.name --chunk-size=1
get pods nosuch
get nosuch
get pods/valid-pod svc/none
get pods --field-selector=status.phase=Pending -o name
get pods --field-selector=nosuch=1
get cm --field-selector=data.x=1
get pods -l 'a in'
get pods -l 'name notin (x),name' -o name
get pods -l '!name'
get pod valid-pod --subresource=status -o name
get pod valid-pod --subresource=foo
get --raw /api/v1/namespaces/{ns}/pods/nosuch
get --raw /nosuch
get componentclaims.example.dev
get ns nosuch
get events
events
explain nosuch
explain pods.spec.nosuch
api-resources --api-group=apps
api-resources --api-group=storage.k8s.io
auth can-i get pods
auth can-i get pods --as=nobody
auth can-i --list --as=nobody
auth can-i --list
auth can-i get /logs --as=nobody
auth can-i get foo
auth can-i '*' '*'
get pods --as=nobody
get nodes --as=nobody --as-group=g
cordon nosuch
drain nosuch
taint nodes nosuch a=b:NoSchedule
certificate approve nosuch
top pods
logs nosuch
exec nosuch -- ls
attach nosuch
port-forward nosuch 80
logs deploy/nosuch
debug nosuch --image=a
wait --for=delete cm/none --timeout=1s
wait --for=create cm/none --timeout=1s
wait --for=condition=x pod/none --timeout=1s
"""

CHANGE = """
create -f - < pod
label pod valid-pod new-name=new-valid-pod
label pod valid-pod new-name=other
label pod valid-pod new-name=other --overwrite --resource-version=1
label pod valid-pod 'bad key=x'
label pod valid-pod 'x=bad val'
label pods --all a=b --dry-run=server
label pod valid-pod new-name-
label pod valid-pod nosuch-
annotate pod valid-pod 'a.b/c=x y'
annotate pod valid-pod a.b/c=z
annotate pod valid-pod 'bad key=x'
patch pod valid-pod -p '{"spec":{"containers":[{"name":"serve","image":"nginx"}]}}'
patch pod valid-pod -p '{"spec":{"containers":[{"name":"serve","image":"nginx"}]}}'
patch pod valid-pod -p '{"metadata":{"labels":null}}'
patch pod valid-pod --type=json -p '[{"op":"add","path":"/metadata/annotations/c","value":"d"}]'
patch pod valid-pod --type=merge -p '{"spec":{"containers":[]}}'
patch pod valid-pod -p '{"spec":{"activeDeadlineSeconds":-5}}'
patch pod valid-pod -p '{"spec":{"activeDeadlineSeconds":50}}'
patch pod valid-pod -p '{"spec":{"activeDeadlineSeconds":60}}'
patch pod valid-pod -p '{"spec":{"activeDeadlineSeconds":null}}'
patch pod valid-pod -p '{"spec":{"tolerations":[{"key":"x","operator":"Exists"}]}}'
patch pod valid-pod -p '{"kind":"X"}'
patch pod valid-pod -p x
patch pod valid-pod -p '{"spec":{"foo":1}}'
patch pod valid-pod --subresource=status -p '{"status":{"phase":"Running"}}'
get pod valid-pod
set image pod/valid-pod serve=x:1
set image pod/valid-pod nosuch=x:1
create -f - < idle
set image deployment/idle main=x:1 side=y:2
set image deployment/idle *=z:3
set env deployment/idle A=b B=c
set env deployment/idle --list
set env deployment/idle A-
create cm envs --from-literal=KEY=v
set env deployment/idle --from=configmap/envs
set resources deployment idle --limits=cpu=200m,memory=512Mi --requests=cpu=100m
set resources deployment idle -c nosuch --limits=cpu=200m
set resources deployment idle --limits=cpu=1 --requests=cpu=2
set serviceaccount deployment idle sa9
set selector service nosuch a=b
create svc clusterip s --tcp=80
set selector svc s a=b
create clusterrolebinding {ns} --clusterrole=view --user=a
set subject clusterrolebinding {ns} --user=b --group=g --serviceaccount={ns}:x
get clusterrolebinding {ns} -o jsonpath={.subjects}
delete clusterrolebinding {ns}
scale deployment idle --replicas=1 --current-replicas=9
scale deployment idle nosuch --replicas=0
scale deployment --all --replicas=0
scale pod valid-pod --replicas=1
scale --replicas=-1 deployment/idle
autoscale deployment idle --max=5 --min=2 --cpu=80%
autoscale deployment idle --max=5
autoscale deployment idle --name=x --max=1 --min=2
rollout pause deployment idle
rollout resume deployment nosuch
rollout history pod valid-pod
rollout undo deployment idle --to-revision=99
patch deployment idle -p '{"spec":{"selector":{"matchLabels":{"app":"b"}}}}'
patch deployment idle -p '{"spec":{"template":{"metadata":{"labels":{"app":"b"}}}}}'
"""

APPLY = """
apply -f - < idle
apply -f - < idle
apply view-last-applied deployment idle
apply -f - --server-side < idle
apply -f - --server-side --field-manager=other < idle
apply -f - --server-side --dry-run=server < idle
create cm map --from-literal=a=b
apply -f - < map
apply -f - --server-side --field-manager=other < map
apply -f - < number
apply -f - < unknown
apply --validate=warn -f - < unknown
apply --validate=ignore -f - < unknown
create -f - < twice
apply -f - < version
apply -f - < kind
create -f - < elsewhere
create -f - -n {ns} < elsewhere
apply -f - < list
apply --prune -l p=q --prune-allowlist=core/v1/ConfigMap -f - < one
delete cm l1 l2
delete cm nosuch
delete cm nosuch --ignore-not-found
delete cm -l p=q
delete cm --field-selector metadata.name=x
delete cm/map secret/none
delete nosuch x
delete -f - < pod
create -f - < pod
delete -f - --grace-period=0 --force < pod
create -f - < pod
replace -f - --force --grace-period=0 < pod
delete pod valid-pod --now
delete deployment idle --cascade=orphan
delete --raw /api/v1/namespaces/{ns}/configmaps/nosuch
"""

FORMS = """
create cm c1 --from-literal=a=b
create cm c2 --from-literal=a=a
get cm c1 c2 --sort-by=.data.a
get cm c1 c2 --sort-by=.x
get cm --sort-by={
get cm c1 c2 -o custom-columns=N:.metadata.name,D:.data
get cm c1 -o custom-columns=
get cm c1 -o jsonpath-as-json={.data}
get cm c1 -o jsonpath={.x} --allow-missing-template-keys=false
get cm c1 -o 'jsonpath={.data[?(@.a=="b")]}'
get cm c1 -o go-template='{{index .data "a" | base64decode}}'
get cm c1 -o nosuch
get cm c1 -o yaml --show-managed-fields
get cm c1 --server-print=false
get cm c1 -w -o json --output-watch-events --request-timeout=1s
get cm nosuch -w --request-timeout=1s
get cm c1 --chunk-size=-1
get cm c1 --request-timeout=x
get cm c1 --subresource=status
get cm --subresource=status
get ns {ns} --subresource=status -o name
get cm.v1. c1
get CONFIGMAPS c1
get configmaps.v1.core
label cm c1 --list
label cm c1 a=b --list
label cm c1 a=b --resource-version=1
label cm c1 c2 x=y
label cm c1 x=y x-
label cm c1 x=y --local
label cm --all q=r --field-selector=metadata.name=c1
annotate cm c1 --list
annotate cm c1 x=y --resource-version=1
annotate cm c1 long
wait cm/c1 --for=jsonpath={.data.a}=b --timeout=2s
wait cm/c1 --for=create --timeout=1s
wait cm/c1 --for=delete --timeout=0
wait cm/c1 --for=x --timeout=1s
wait pods --all --for=condition=Ready --timeout=1s
expose pod nosuch --port=1
create svc clusterip s --tcp=80
expose svc s --port=81 --name=e --external-ip=1.2.3.4 --session-affinity=ClientIP -o yaml
api-resources --sort-by=x
api-resources --categories=nosuch
api-resources --api-group=batch -o wide
explain deployments.spec.nosuch --recursive
cluster-info dump -n {ns} --output-directory=dumped
taint node nosuch a-
create pdb p --min-available=1
create job j --from=deploy/nosuch
create ingress i --rule=x
create token default --duration=10x
create token
auth whoami --as=x --as-group=a --as-group=b -o yaml
get cm --as-group=a
get cm --as=system:serviceaccount:{ns}:default
get cm --token=x
get cm --client-certificate=/nosuch --client-key=/nosuch
get cm --username=a --password=b --token=c
get cm --server=http://127.0.0.1:1
get cm --context=nosuch
delete pods --all --field-selector=metadata.name=nosuch
delete all --all --dry-run=client -l x=nosuch
delete cm --all c1
"""

SCENARIOS = {"forms": FORMS, "create": CREATE, "read": READ, "change": CHANGE, "apply": APPLY}
