package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	clientinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	toolsevents "k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/retry"
)

// soon polls until the condition is true, or time is over.
func soon(ctx context.Context, what string, condition func(context.Context) (bool, error)) error {
	err := wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, condition)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// informers: a store that starts with what is there and follows every change, typed as in
// controllers, in protobuf where the server can.
func informers(ctx context.Context, config *rest.Config) error {
	typed := rest.CopyConfig(config)
	typed.ContentType = "application/vnd.kubernetes.protobuf"
	typed.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(typed)
	if err != nil {
		return err
	}
	maps := client.CoreV1().ConfigMaps(namespace)
	labels := map[string]string{"try": "informers"}
	for _, name := range []string{"informed-a", "informed-b"} {
		made := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
		if _, err := maps.Create(ctx, made, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	factory := clientinformers.NewSharedInformerFactoryWithOptions(client, 0,
		clientinformers.WithNamespace(namespace),
		clientinformers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = "try=informers" }))
	informer := factory.Core().V1().ConfigMaps()
	heard := make(chan string, 64)
	name := func(object any) string { return object.(*corev1.ConfigMap).Name }
	_, err = informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { heard <- "added " + name(object) },
		UpdateFunc: func(_, object any) { heard <- "updated " + name(object) },
		DeleteFunc: func(object any) { heard <- "deleted " + name(object) },
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("%v did not synchronize", kind)
		}
	}
	listed, err := informer.Lister().ConfigMaps(namespace).Get("informed-a")
	if err != nil {
		return err
	}
	changed := listed.DeepCopy()
	changed.Data = map[string]string{"a": "1"}
	if _, err := maps.Update(ctx, changed, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if _, err := maps.Update(ctx, changed, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return fmt.Errorf("an old version was written: %v", err)
	}
	if err := maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "try=informers"}); err != nil {
		return err
	}
	return expect(ctx, heard, "added informed-a", "added informed-b", "updated informed-a", "deleted informed-a", "deleted informed-b")
}

func expect(ctx context.Context, heard <-chan string, wanted ...string) error {
	missing := map[string]bool{}
	for _, one := range wanted {
		missing[one] = true
	}
	for len(missing) > 0 {
		select {
		case one := <-heard:
			delete(missing, one)
		case <-ctx.Done():
			return fmt.Errorf("never heard %v", missing)
		}
	}
	return nil
}

// election: two candidates, one leads; when it steps down, the other does.
func election(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	leads := make(chan string, 8)
	run := func(ctx context.Context, identity string) {
		leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{
				LeaseMeta:  metav1.ObjectMeta{Name: "elected", Namespace: namespace},
				Client:     client.CoordinationV1(),
				LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
			},
			LeaseDuration:   3 * time.Second,
			RenewDeadline:   2 * time.Second,
			RetryPeriod:     200 * time.Millisecond,
			ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leads <- identity },
				OnStoppedLeading: func() {},
			},
		})
	}
	first, stepDown := context.WithCancel(ctx)
	go run(first, "one")
	if err := expect(ctx, leads, "one"); err != nil {
		return err
	}
	go run(ctx, "two")
	stepDown()
	return expect(ctx, leads, "two")
}

// dynamicObjects: kinds found by discovery, objects without types, a watch from a version.
func dynamicObjects(ctx context.Context, config *rest.Config) error {
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
	mapping, err := mapper.RESTMapping(schema.GroupKind{Group: "apps", Kind: "Deployment"})
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	deployments := client.Resource(mapping.Resource).Namespace(namespace)
	labels := map[string]any{"app": "dynamic"}
	container := map[string]any{"name": "main", "image": "example.dev/app"}
	made, err := deployments.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "dynamic", "labels": labels},
		"spec": map[string]any{
			"replicas": int64(0),
			"selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{
				"metadata": map[string]any{"labels": labels},
				"spec":     map[string]any{"containers": []any{container}},
			},
		},
	}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	watch, err := deployments.Watch(ctx, metav1.ListOptions{
		ResourceVersion: made.GetResourceVersion(), FieldSelector: "metadata.name=dynamic"})
	if err != nil {
		return err
	}
	defer watch.Stop()
	patch := []byte(`{"metadata":{"annotations":{"tried":"yes"}}}`)
	if _, err := deployments.Patch(ctx, "dynamic", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return err
	}
	for event := range watch.ResultChan() {
		object, isObject := event.Object.(*unstructured.Unstructured)
		if isObject && object.GetAnnotations()["tried"] == "yes" {
			foreground := metav1.DeletePropagationForeground
			return deployments.Delete(ctx, "dynamic", metav1.DeleteOptions{PropagationPolicy: &foreground})
		}
	}
	return errors.New("the watch ended before the change came")
}

// apply: two managers, a conflict, force, and what only one owned going with it.
func apply(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	maps := client.CoreV1().ConfigMaps(namespace)
	wanted := func(data map[string]string) *applycorev1.ConfigMapApplyConfiguration {
		return applycorev1.ConfigMap("applied", namespace).WithData(data)
	}
	if _, err := maps.Apply(ctx, wanted(map[string]string{"a": "1", "b": "1"}), metav1.ApplyOptions{FieldManager: "one"}); err != nil {
		return err
	}
	other := wanted(map[string]string{"a": "2"})
	if _, err := maps.Apply(ctx, other, metav1.ApplyOptions{FieldManager: "two"}); !apierrors.IsConflict(err) {
		return fmt.Errorf("no conflict: %v", err)
	}
	if _, err := maps.Apply(ctx, other, metav1.ApplyOptions{FieldManager: "two", Force: true}); err != nil {
		return err
	}
	left, err := maps.Apply(ctx, wanted(nil), metav1.ApplyOptions{FieldManager: "one"})
	if err != nil {
		return err
	}
	extracted, err := applycorev1.ExtractConfigMap(left, "two")
	if err != nil {
		return err
	}
	isSo := len(left.Data) == 1 && left.Data["a"] == "2" && extracted.Data["a"] == "2"
	return must(isSo, "left is %v, of which two owns %v", left.Data, extracted.Data)
}

// events: by the recorders of both APIs, each to be read in the other.
func events(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	about, err := client.CoreV1().ConfigMaps(namespace).Create(ctx,
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "told-of"}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	about.Kind, about.APIVersion = "ConfigMap", "v1"

	old := record.NewBroadcaster()
	defer old.Shutdown()
	old.StartRecordingToSink(sink(client))
	old.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "old"}).
		Event(about, corev1.EventTypeNormal, "Told", "in the old way")

	newer := toolsevents.NewBroadcaster(&toolsevents.EventSinkImpl{Interface: client.EventsV1()})
	defer newer.Shutdown()
	if err := newer.StartRecordingToSinkWithContext(ctx); err != nil {
		return err
	}
	newer.NewRecorder(scheme.Scheme, "newer").
		Eventf(about, nil, corev1.EventTypeWarning, "ToldToo", "Telling", "in the %s way", "new")

	selector := metav1.ListOptions{FieldSelector: "involvedObject.name=told-of"}
	if err := soon(ctx, "both among v1 Events", func(ctx context.Context) (bool, error) {
		listed, err := client.CoreV1().Events(namespace).List(ctx, selector)
		return err == nil && len(listed.Items) == 2, err
	}); err != nil {
		return err
	}
	selector.FieldSelector = "regarding.name=told-of"
	listed, err := client.EventsV1().Events(namespace).List(ctx, selector)
	if err != nil {
		return err
	}
	notes := map[string]string{}
	for _, event := range listed.Items {
		notes[event.Reason] = noteOf(event)
	}
	isSo := notes["Told"] == "in the old way by old" && notes["ToldToo"] == "in the new way by newer"
	return must(isSo, "events.k8s.io has %v", notes)
}

func noteOf(event eventsv1.Event) string {
	if event.ReportingController != "" {
		return event.Note + " by " + event.ReportingController
	}
	return event.Note + " by " + event.DeprecatedSource.Component
}

func sink(client kubernetes.Interface) record.EventSink {
	return coreSink{client}
}

type coreSink struct{ client kubernetes.Interface }

func (s coreSink) Create(event *corev1.Event) (*corev1.Event, error) {
	return s.client.CoreV1().Events(event.Namespace).CreateWithEventNamespaceWithContext(context.Background(), event)
}

func (s coreSink) Update(event *corev1.Event) (*corev1.Event, error) {
	return s.client.CoreV1().Events(event.Namespace).UpdateWithEventNamespaceWithContext(context.Background(), event)
}

func (s coreSink) Patch(event *corev1.Event, data []byte) (*corev1.Event, error) {
	return s.client.CoreV1().Events(event.Namespace).PatchWithEventNamespaceWithContext(context.Background(), event, data)
}

// execution: a command in the running pod `goclient`, over WebSocket, with input and an exit code.
func execution(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := retry.OnError(retry.DefaultBackoff, func(error) bool { return true }, func() error {
		pod, err := client.CoreV1().Pods(namespace).Get(ctx, "goclient", metav1.GetOptions{})
		if err != nil {
			return err
		}
		return must(pod.Status.Phase == corev1.PodRunning, "the pod is %s", pod.Status.Phase)
	}); err != nil {
		return err
	}
	url := client.CoreV1().RESTClient().Get().Resource("pods").Namespace(namespace).Name("goclient").
		SubResource("exec").VersionedParams(&corev1.PodExecOptions{
		Stdin: true, Stdout: true, Stderr: true,
		Command: []string{"sh", "-c", "tr a-z A-Z; echo trouble >&2; exit 7"},
	}, scheme.ParameterCodec).URL()
	executor, err := remotecommand.NewWebSocketExecutor(config, "GET", url.String())
	if err != nil {
		return err
	}
	input := bytes.Repeat([]byte("all of it\n"), 200_000)
	var output, errs bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{
		Stdin: bytes.NewReader(input), Stdout: &output, Stderr: &errs})
	var exit interface{ ExitStatus() int }
	if !errors.As(err, &exit) || exit.ExitStatus() != 7 {
		return fmt.Errorf("it ended with %v", err)
	}
	isSo := bytes.Equal(output.Bytes(), bytes.ToUpper(input)) && errs.String() == "trouble\n"
	return must(isSo, "%d bytes in, %d out, errors %q", len(input), output.Len(), errs.String())
}
