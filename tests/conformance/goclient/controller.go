package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const finalizer = "goclient.example.dev/farewell"

var version = schema.GroupVersion{Group: "goclient.example.dev", Version: "v1"}

// Widget wants a ConfigMap of its size.
type Widget struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              struct {
		Size int `json:"size"`
	} `json:"spec"`
	Status WidgetStatus `json:"status,omitempty"`
}

type WidgetStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

type WidgetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Widget `json:"items"`
}

func (w *Widget) DeepCopyObject() runtime.Object {
	copied := *w
	copied.ObjectMeta = *w.ObjectMeta.DeepCopy()
	copied.Status.Conditions = append([]metav1.Condition{}, w.Status.Conditions...)
	return &copied
}

func (l *WidgetList) DeepCopyObject() runtime.Object {
	copied := WidgetList{TypeMeta: l.TypeMeta, ListMeta: *l.ListMeta.DeepCopy()}
	for _, one := range l.Items {
		copied.Items = append(copied.Items, *one.DeepCopyObject().(*Widget))
	}
	return &copied
}

func definition() *apiextensionsv1.CustomResourceDefinition {
	integer := apiextensionsv1.JSONSchemaProps{Type: "integer"}
	keep := true
	properties := map[string]apiextensionsv1.JSONSchemaProps{
		"spec":   {Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{"size": integer}},
		"status": {Type: "object", XPreserveUnknownFields: &keep},
	}
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "widgets." + version.Group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: version.Group,
			Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{
				Plural: "widgets", Singular: "widget", Kind: "Widget", ListKind: "WidgetList"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: version.Version, Served: true, Storage: true,
				Subresources: &apiextensionsv1.CustomResourceSubresources{
					Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", Properties: properties}},
			}},
		},
	}
}

type reconciler struct {
	client.Client
	farewells chan<- string
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	widget := &Widget{}
	if err := r.Get(ctx, request.NamespacedName, widget); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !widget.DeletionTimestamp.IsZero() {
		if controllerutil.RemoveFinalizer(widget, finalizer) {
			r.farewells <- widget.Name
			return ctrl.Result{}, r.Update(ctx, widget)
		}
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(widget, finalizer) {
		if err := r.Update(ctx, widget); err != nil {
			return ctrl.Result{}, err
		}
	}
	owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: widget.Name + "-size", Namespace: widget.Namespace}}
	if _, err := controllerutil.CreateOrUpdate(ctx, r.Client, owned, func() error {
		owned.Data = map[string]string{"size": strconv.Itoa(widget.Spec.Size)}
		return controllerutil.SetControllerReference(widget, owned, r.Scheme())
	}); err != nil {
		return ctrl.Result{}, err
	}
	widget.Status.ObservedGeneration = widget.Generation
	meta.SetStatusCondition(&widget.Status.Conditions, metav1.Condition{
		Type: "Ready", Status: metav1.ConditionTrue, Reason: "Sized", ObservedGeneration: widget.Generation})
	return ctrl.Result{}, r.Status().Update(ctx, widget)
}

// controller: what kubebuilder makes, on an API as envtest would bring it.
func controller(ctx context.Context, config *rest.Config) error {
	log.SetLogger(logr.Discard())
	existing := true
	environment := &envtest.Environment{
		UseExistingCluster: &existing, Config: config,
		CRDs: []*apiextensionsv1.CustomResourceDefinition{definition()},
	}
	if _, err := environment.Start(); err != nil {
		return fmt.Errorf("envtest: %w", err)
	}
	types := runtime.NewScheme()
	if err := scheme.AddToScheme(types); err != nil {
		return err
	}
	types.AddKnownTypes(version, &Widget{}, &WidgetList{})
	metav1.AddToGroupVersion(types, version)
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: types, Metrics: server.Options{BindAddress: "0"},
		LeaderElection: true, LeaderElectionID: "goclient", LeaderElectionNamespace: namespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return err
	}
	farewells := make(chan string, 8)
	if err := ctrl.NewControllerManagedBy(manager).For(&Widget{}).Owns(&corev1.ConfigMap{}).
		Complete(&reconciler{manager.GetClient(), farewells}); err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(running) }()
	straight, err := client.New(config, client.Options{Scheme: types})
	if err != nil {
		return err
	}
	if err := live(ctx, straight, farewells); err != nil {
		return err
	}
	stop()
	if err := <-ended; err != nil {
		return err
	}
	return environment.Stop()
}

// live: a widget is made, grows, is damaged and heals, and goes with all that is its own.
func live(ctx context.Context, straight client.Client, farewells <-chan string) error {
	widget := &Widget{ObjectMeta: metav1.ObjectMeta{Name: "w", Namespace: namespace}}
	widget.Spec.Size = 1
	if err := straight.Create(ctx, widget); err != nil {
		return err
	}
	owned := &corev1.ConfigMap{}
	size := func(wanted string) error {
		return soon(ctx, "size "+wanted, func(ctx context.Context) (bool, error) {
			err := straight.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "w-size"}, owned)
			return err == nil && owned.Data["size"] == wanted, client.IgnoreNotFound(err)
		})
	}
	if err := size("1"); err != nil {
		return err
	}
	grown := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"size":2}}`))
	if err := straight.Patch(ctx, widget, grown); err != nil {
		return err
	}
	if err := soon(ctx, "the status of the second generation", func(ctx context.Context) (bool, error) {
		err := straight.Get(ctx, client.ObjectKeyFromObject(widget), widget)
		ready := meta.IsStatusConditionTrue(widget.Status.Conditions, "Ready")
		return ready && widget.Status.ObservedGeneration == 2, err
	}); err != nil {
		return err
	}
	if err := size("2"); err != nil {
		return err
	}
	if err := straight.Delete(ctx, owned); err != nil {
		return err
	}
	if err := size("2"); err != nil {
		return err
	}
	if err := straight.Delete(ctx, widget, client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
		return err
	}
	if err := expect(ctx, farewells, "w"); err != nil {
		return err
	}
	for _, gone := range []client.Object{widget, owned} {
		if err := soon(ctx, gone.GetName()+" gone", func(ctx context.Context) (bool, error) {
			err := straight.Get(ctx, client.ObjectKeyFromObject(gone), gone)
			return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
		}); err != nil {
			return err
		}
	}
	return nil
}
