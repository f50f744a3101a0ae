package lint

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

// kinds are what the manifests may hold, in the API's own types.
var kinds = map[metav1.TypeMeta]reflect.Type{
	{APIVersion: "v1", Kind: "ServiceAccount"}:             reflect.TypeFor[corev1.ServiceAccount](),
	{APIVersion: "v1", Kind: "Service"}:                    reflect.TypeFor[corev1.Service](),
	{APIVersion: "apps/v1", Kind: "Deployment"}:            reflect.TypeFor[appsv1.Deployment](),
	{APIVersion: "policy/v1", Kind: "PodDisruptionBudget"}: reflect.TypeFor[policyv1.PodDisruptionBudget](),
}

// manifests decodes all of deploy/kubernetes; a field that the API does not know
// is a fault.
func manifests(t *testing.T) []any {
	t.Helper()
	files, err := filepath.Glob("../kubernetes/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no manifests", err)
	}
	var all []any
	for _, file := range files {
		for i, text := range strings.Split(read(t, file), "\n---\n") {
			object, err := decode([]byte(text))
			if err != nil {
				t.Fatalf("%s, part %d: %v", file, i+1, err)
			}
			all = append(all, object)
		}
	}
	return all
}

func decode(text []byte) (any, error) {
	var about metav1.TypeMeta
	if err := yaml.Unmarshal(text, &about); err != nil {
		return nil, err
	}
	kind, ok := kinds[about]
	if !ok {
		return nil, fmt.Errorf("%s of %s is not looked at by this test", about.Kind, about.APIVersion)
	}
	object := reflect.New(kind).Interface()
	return object, yaml.UnmarshalStrict(text, object)
}

func only[T any](t *testing.T, all []any) T {
	t.Helper()
	var found []T
	for _, o := range all {
		if o, ok := o.(T); ok {
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d of %T, want one", len(found), *new(T))
	}
	return found[0]
}

func TestUnknownFieldsAreFaults(t *testing.T) {
	if _, err := decode([]byte("apiVersion: v1\nkind: Service\nspec: {portz: []}")); err == nil {
		t.Error("a field that does not exist passes")
	}
}

func TestKubernetes(t *testing.T) {
	all := manifests(t)
	deployment, service, budget := only[*appsv1.Deployment](t, all), only[*corev1.Service](t, all), only[*policyv1.PodDisruptionBudget](t, all)
	pod := deployment.Spec.Template
	for name, s := range map[string]map[string]string{
		"the deployment": deployment.Spec.Selector.MatchLabels, "the service": service.Spec.Selector, "the budget": budget.Spec.Selector.MatchLabels,
	} {
		if len(s) == 0 || !labels.SelectorFromSet(s).Matches(labels.Set(pod.Labels)) {
			t.Errorf("%s does not select the pods", name)
		}
	}
	if int32(budget.Spec.MinAvailable.IntValue()) >= *deployment.Spec.Replicas {
		t.Error("the budget lets no node be drained")
	}
	if name := pod.Spec.ServiceAccountName; name != only[*corev1.ServiceAccount](t, all).Name {
		t.Errorf("there is no service account %s", name)
	}
	container := pod.Spec.Containers[0]
	checkProbes(t, container)
	checkRestricted(t, pod.Spec)
	checkEnvironment(t, container)
	for _, p := range service.Spec.Ports {
		if !hasPort(container, p.TargetPort.StrVal) {
			t.Errorf("the service leads to the port %s, which is none", p.TargetPort.StrVal)
		}
	}
}

func hasPort(c corev1.Container, name string) bool {
	for _, p := range c.Ports {
		if p.Name == name {
			return true
		}
	}
	return false
}

func checkProbes(t *testing.T, c corev1.Container) {
	t.Helper()
	for _, p := range []struct {
		name, path, port string
		probe            *corev1.Probe
	}{{"startup", "/healthz", "http", c.StartupProbe}, {"liveness", "/healthz", "http", c.LivenessProbe}, {"readiness", "/readyz", "ops", c.ReadinessProbe}} {
		if p.probe == nil || p.probe.HTTPGet == nil || p.probe.HTTPGet.Path != p.path || p.probe.HTTPGet.Port.StrVal != p.port || !hasPort(c, p.port) {
			t.Errorf("the probe of %s does not ask %s on the port %s", p.name, p.path, p.port)
		}
	}
}

// checkRestricted asks for what the pod security standard "restricted" does.
func checkRestricted(t *testing.T, pod corev1.PodSpec) {
	t.Helper()
	s := pod.SecurityContext
	if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Error("the pod may run as root, or without seccomp")
	}
	c := pod.Containers[0].SecurityContext
	if c == nil || c.AllowPrivilegeEscalation == nil || *c.AllowPrivilegeEscalation || c.ReadOnlyRootFilesystem == nil || !*c.ReadOnlyRootFilesystem ||
		c.Capabilities == nil || len(c.Capabilities.Drop) != 1 || c.Capabilities.Drop[0] != "ALL" {
		t.Error("the container may do more than it needs")
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Error("the pod gets a token of the cluster, which it does not need")
	}
}

func checkEnvironment(t *testing.T, c corev1.Container) {
	t.Helper()
	secret := map[string]bool{"DURIN_DB": false, "DURIN_KEY": false}
	for _, v := range c.Env {
		if strings.HasPrefix(v.Name, "DURIN_") && !isSetting(t, v.Name) {
			t.Errorf("%s is no setting", v.Name)
		}
		if _, ok := secret[v.Name]; ok {
			secret[v.Name] = v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil
		}
	}
	for name, ok := range secret {
		if !ok {
			t.Errorf("%s is not taken from a secret", name)
		}
	}
}
