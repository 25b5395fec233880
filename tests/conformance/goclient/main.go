// What most controllers are made of, tried on the server that KUBECONFIG names: client-go's
// informers, leader election, dynamic client and server-side apply, and controller-runtime.
//
//	goclient NAME...      each name is one of `tries`; the first that fails is told on stderr
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	namespace = "default"
	patience  = 30 * time.Second
)

var tries = map[string]func(context.Context, *rest.Config) error{
	"informers":  informers,
	"election":   election,
	"dynamic":    dynamicObjects,
	"apply":      apply,
	"events":     events,
	"execution":  execution,
	"controller": controller,
}

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fail("kubeconfig", err)
	}
	for _, name := range os.Args[1:] {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := tries[name](ctx, config); err != nil {
			fail(name, err)
		}
		cancel()
		fmt.Println(name)
	}
}

func fail(name string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	os.Exit(1)
}

// must says what was expected when it is not so.
func must(isSo bool, format string, values ...any) error {
	if isSo {
		return nil
	}
	return fmt.Errorf(format, values...)
}
