package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// check holds an answer against what is wanted of it but for the token. slashed
// is the answer to the same request with a slash, for Status.AsWithSlash.
func (w Want) check(method string, got Answer, slashed *Answer) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	switch {
	case w.Status.AsWithSlash && (got.Status != slashed.Status || !sameForm(slashed.Body, got.Body)):
		fault("answered %d %s, with the slash %d %s", got.Status, got.Body, slashed.Status, slashed.Body)
	case !w.Status.AsWithSlash && !slices.Contains(w.Status.Any, got.Status):
		fault("answered %d, want %d", got.Status, w.Status.Any)
	}
	for name, want := range w.Headers {
		if !sameHeader(name, want, got.Header) {
			fault("%s is %q, want %q", name, got.Header.Values(name), want)
		}
	}
	if got.Status == http.StatusNotFound && method != http.MethodHead && !json.Valid(got.Body) {
		fault("the body is no JSON: %s", got.Body)
	}
	if w.DetailPrefix != nil {
		var body struct{ Detail string }
		if err := json.Unmarshal(got.Body, &body); err != nil || !strings.HasPrefix(body.Detail, *w.DetailPrefix) {
			fault("the detail of %s does not begin with %q", got.Body, *w.DetailPrefix)
		}
	}
	if w.JSON != nil {
		if why := w.compareBody(got.Body); why != "" {
			fault("%s\n got %s\nwant %s", why, got.Body, w.JSON)
		}
	}
	return faults
}

func (w Want) compareBody(body []byte) string {
	want, err := decode(w.JSON)
	if err != nil {
		return err.Error()
	}
	got, err := decode(body)
	if err != nil {
		return "the body is no JSON: " + err.Error()
	}
	return compare("", want, got, w.Volatile)
}

func decode(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// compare tells the first difference between two JSON values, or "".
func compare(path string, want, got any, volatile []string) string {
	if slices.ContainsFunc(volatile, func(pattern string) bool { return matches(pattern, path) }) {
		if formOf(want) != formOf(got) {
			return fmt.Sprintf("%s: %v is of another form than %v", path, got, want)
		}
		return ""
	}
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok || len(object) != len(want) {
			break
		}
		for name, member := range want {
			other, ok := object[name]
			if !ok {
				return path + " lacks " + name
			}
			if why := compare(join(path, name), member, other, volatile); why != "" {
				return why
			}
		}
		return ""
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			break
		}
		for i := range want {
			if why := compare(join(path, strconv.Itoa(i)), want[i], list[i], volatile); why != "" {
				return why
			}
		}
		return ""
	case string:
		if text, ok := got.(string); ok && sameSeconds(want, text) {
			return ""
		}
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Sprintf("%q: %v is not %v", path, got, want)
	}
	return ""
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// matches reports whether a path fits a pattern, in which * is any name.
func matches(pattern, path string) bool {
	p, q := strings.Split(pattern, "."), strings.Split(path, ".")
	return len(p) == len(q) && !slices.ContainsFunc(indexes(p), func(i int) bool { return p[i] != "*" && p[i] != q[i] })
}

func indexes(list []string) []int {
	all := make([]int, len(list))
	for i := range all {
		all[i] = i
	}
	return all
}

var (
	instant = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?(Z|[+-]\d\d:\d\d)$`)
	secret  = regexp.MustCompile(`^[0-9a-f]{32,}$`)
	digits  = regexp.MustCompile(`\d+`)
	waiting = regexp.MustCompile(`^(.* available in )(\d+) seconds?\.$`)
)

// formOf tells what kind of thing a value is.
func formOf(v any) string {
	text, ok := v.(string)
	switch {
	case !ok:
		return fmt.Sprintf("%T", v)
	case instant.MatchString(text):
		return "instant" + instant.FindStringSubmatch(text)[2]
	case secret.MatchString(text):
		return fmt.Sprintf("token of %d", len(text))
	case strings.ContainsFunc(text, func(r rune) bool { return r >= 'a' && r <= 'z' }):
		return "words"
	default:
		return digits.ReplaceAllString(text, "N")
	}
}

// sameForm reports whether two bodies differ in values of one form at most.
func sameForm(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	want, err := decode(a)
	if err != nil {
		return false
	}
	got, err := decode(b)
	return err == nil && shape(want) == shape(got)
}

func shape(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var all []string
		for name, member := range v {
			all = append(all, name+":"+shape(member))
		}
		slices.Sort(all)
		return "{" + strings.Join(all, ",") + "}"
	case []any:
		var all []string
		for _, element := range v {
			all = append(all, shape(element))
		}
		return "[" + strings.Join(all, ",") + "]"
	default:
		return formOf(v)
	}
}

// sameSeconds reports whether two sentences tell waits that differ by a second
// at most.
func sameSeconds(want, got string) bool {
	a, b := waiting.FindStringSubmatch(want), waiting.FindStringSubmatch(got)
	return a != nil && b != nil && a[1] == b[1] && near(a[2], b[2]) && strings.HasSuffix(got, " second.") == (b[2] == "1")
}

func near(a, b string) bool {
	n, errA := strconv.Atoi(a)
	m, errB := strconv.Atoi(b)
	return errA == nil && errB == nil && n-m <= 1 && m-n <= 1
}

// sameHeader compares a header: of Allow the methods that must be there,
// Retry-After to a second.
func sameHeader(name string, want any, header http.Header) bool {
	got := header.Get(name)
	switch {
	case strings.EqualFold(name, "Allow"):
		var sent []string
		for method := range strings.SplitSeq(got, ",") {
			sent = append(sent, strings.TrimSpace(method))
		}
		list, _ := want.([]any)
		return len(list) > 0 && !slices.ContainsFunc(list, func(method any) bool { return !slices.Contains(sent, fmt.Sprint(method)) })
	case strings.EqualFold(name, "Retry-After"):
		return near(fmt.Sprint(want), got)
	default:
		return got == want
	}
}
