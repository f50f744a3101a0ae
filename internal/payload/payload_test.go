package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestJSONFaults(t *testing.T) {
	for _, body := range []string{
		`{"username":"alice",}`,
		`{"username":"alice"} x`,
		`hello`,
		" \n ",
		"{\n  \"username\": \"alice\"\n  \"a\": 1}",
		`{"username":"ali`,
		`{"username":"ali\`,
		`{"username":"a\xb"}`,
		`{"username":"a\u12g4"}`,
		`"\u12`,
		`{"username":}`,
		`{"username" "x"}`,
		`{"username":NaN}`,
		`[-Infinity]`,
		"\ufeff{}",
		"{\"username\":\"\xff\"}",
		"\"\xed\xa0\x80\"",
		"\"a\nb\"",
		"\"é\x00\"",
		`[1 2]`,
		`[1,]`,
		`[`,
		`{`,
		`{'a':1}`,
		`01`,
		`-`,
		`1.`,
		`1e`,
		`.5`,
		`True`,
		"{}\x0b",
		strings.Repeat("[", 100000),
		strings.Repeat(`{"a":`, 100000),
		strings.Repeat(`{"a":`, maxDepth) + "[]" + strings.Repeat("}", maxDepth), `"\u12`, `{"a":1}{}`,
	} {
		_, err := Parse("application/json", []byte(body))
		var e *Error
		if !errors.As(err, &e) || e.Status != 400 || !strings.HasPrefix(e.Detail, "JSON parse error - ") || !utf8.ValidString(e.Detail) || len(e.Detail) > 200 {
			t.Errorf("%.40q: %v", body, err)
		}
	}
	deep := strings.Repeat(`{"[{":`, maxDepth-1) + `["\"[["]` + strings.Repeat("}", maxDepth-1)
	if v, err := Parse("application/json", []byte(deep)); err != nil || v.Kind != Object || v.Fields["[{"].Kind != Object {
		t.Errorf("as deep as may be: %+v, %v", v, err)
	}
}

func TestJSONValues(t *testing.T) {
	for body, want := range map[string]Value{
		`null`:                        {Kind: Null},
		`true`:                        {Kind: Bool, True: true, Text: "True"},
		`false`:                       {Kind: Bool, Text: "False"},
		`-0`:                          {Kind: Int, Text: "-0"},
		`12345678901234567890123`:     {Kind: Int, Text: "12345678901234567890123"},
		`1.50`:                        {Kind: Float, Text: "1.50"},
		`1E+9`:                        {Kind: Float, Text: "1E+9"},
		`[]`:                          {Kind: List, Empty: true},
		`[ [1] , 2 ]`:                 {Kind: List},
		`{}`:                          {Kind: Object, Empty: true},
		"\t\"x\"\r\n":                 {Kind: String, Text: "x"},
		`"\"\\\/\b\f\n\r\t"`:          {Kind: String, Text: "\"\\/\b\f\n\r\t"},
		`"\u00e9\u0000é"`:             {Kind: String, Text: "é\x00é"},
		`"\ud83d\ude00\uD83D\uDE00😀"`: {Kind: String, Text: "😀😀😀"},
		`"a\ud800b\udfff"`:            {Kind: String, Text: "a\ufffdb\ufffd", Surrogate: 0xd800},
		`"\udfff\ud800\u0041"`:        {Kind: String, Text: "\ufffd\ufffdA", Surrogate: 0xdfff},
	} {
		got, err := Parse("application/json", []byte(body))
		if err != nil || got.Kind != want.Kind || got.Text != want.Text || got.Empty != want.Empty || got.True != want.True || got.Surrogate != want.Surrogate {
			t.Errorf("%s: %+v, %v; want %+v", body, got, err, want)
		}
	}
	got, err := Parse("application/json", []byte(`{"a":1,"b":{"a":2},"A":3,"a":"4"}`))
	if err != nil || len(got.Fields) != 3 || got.Fields["a"].Text != "4" || got.Fields["A"].Text != "3" || got.Fields["b"].Kind != Object {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTruthy(t *testing.T) {
	for body, want := range map[string]bool{
		`null`: false, `false`: false, `true`: true, `0`: false, `-0`: false, `0.0e5`: false, `1e-400`: false, `1e999`: true, `0.1`: true,
		`""`: false, `" "`: true, `"0"`: true, `[]`: false, `[0]`: true, `{}`: false, `{"":0}`: true,
	} {
		if v, err := Parse("application/json", []byte(body)); err != nil || v.Truthy() != want {
			t.Errorf("%s is %t, %v", body, v.Truthy(), err)
		}
	}
	if (Value{}).Truthy() || !(Value{Kind: File}).Truthy() {
		t.Error("nothing is true or a file is false")
	}
}

func TestMediaTypes(t *testing.T) {
	const body = `{"a":"1"}`
	for header, ok := range map[string]bool{
		"application/json": true, " Application/JSON ; x=y": true, "application/*": true, "*/*": true, "application/json;": true,
		"application/json; charset=nonsense": true, "application/vnd.api+json": false, "text/json": false, "json": false, "application": false,
		"": false, ";": false, "/": false, "application/json, text/plain": false,
	} {
		v, err := Parse(header, []byte(body))
		var e *Error
		switch {
		case ok && (err != nil || v.Fields["a"].Text != "1"):
			t.Errorf("%q: %v", header, err)
		case !ok && (!errors.As(err, &e) || e.Status != 415 || e.Detail != `Unsupported media type "`+header+`" in request.`):
			t.Errorf("%q: %v", header, err)
		}
		if _, err := Parse(header, nil); err != nil {
			t.Errorf("%q without a body: %v", header, err)
		}
	}
}

// All text is UTF-8, whatever the header says.
func TestCharsets(t *testing.T) {
	for _, charset := range []string{"utf-8", "UTF8", "us-ascii", "latin-1", "utf-16", "nonsense"} {
		v, err := Parse("application/json; charset="+charset, []byte(`{"a":"é"}`))
		if err != nil || v.Fields["a"].Text != "é" {
			t.Errorf("%s: %+v, %v", charset, v, err)
		}
		for _, body := range []string{"{\"a\":\"\xe9\"}", "\xff\xfe{\x00}\x00"} {
			if _, err := Parse("application/json; charset="+charset, []byte(body)); err == nil {
				t.Errorf("%s: %q is taken", charset, body)
			}
		}
	}
}

func TestForms(t *testing.T) {
	for body, want := range map[string]map[string]string{
		"a=1&b=2&a=3":      {"a": "3", "b": "2"},
		"a&=x&&b==":        {"a": "", "": "x", "b": "="},
		"a=%41+%2B%zz%4":   {"a": "A +%zz%4"},
		"%61=%C3%A9%c3%A9": {"a": "éé"},
		"a=%ff%00b":        {"a": "\ufffd\x00b"},
		"a=\xe9":           {"a": "\ufffd"},
		"a=%%41%%%4é%":     {"a": "%A%%%4é%"},
		"a=1;b=2":          {"a": "1;b=2"},
		`{"a": "b=c"}`:     {`{"a": "b`: `c"}`},
	} {
		checkFields(t, "application/x-www-form-urlencoded", body, want)
	}
	var e *Error
	if _, err := Parse("application/x-www-form-urlencoded", bytes.Repeat([]byte("a=1&"), 1000)); !errors.As(err, &e) || e.Status != 400 {
		t.Errorf("1,001 fields: %v", err)
	}
}

func checkFields(t *testing.T, contentType, body string, want map[string]string) {
	t.Helper()
	v, err := Parse(contentType, []byte(body))
	got := map[string]string{}
	for name, field := range v.Fields {
		got[name] = field.Text
	}
	if err != nil || v.Kind != Object || !maps.Equal(got, want) {
		t.Errorf("%.60q: %q, %v; want %q", body, got, err, want)
	}
}

func TestMultipart(t *testing.T) {
	part := func(head, value string) string { return "--B\r\n" + head + "\r\n\r\n" + value + "\r\n" }
	const form = "Content-Disposition: form-data; name="
	for body, want := range map[string]map[string]string{
		"preamble\r\n" + part(form+"a", "1") + part(form+`"b"`, "") + "--B--\r\nepilogue--B":        {"a": "1", "b": ""},
		part(form+"a", "1") + part(form+"a", "2"):                                                   {"a": "2"},
		part(form+"a", "1") + "--B--":                                                               {"a": "1"},
		part("content-disposition: FORM-DATA;NAME=a", "1\r\n") + "--B--":                            {"a": "1\r\n"},
		part(form+`"a\"b;c"; x=y`, "\xff") + "--B--":                                                {`a"b;c`: "\ufffd"},
		part("X: y", "1") + part("Content-Disposition: attachment; name=a", "1") + "--B\r\nnothing": {},
		"x": {},
	} {
		checkFields(t, "multipart/form-data; boundary=B", body, want)
	}
	v, err := Parse(`Multipart/Form-Data; Boundary="B"`, []byte(part(form+`a; filename="x"`, "1")+part(form+"a", "2")+part(form+`b; filename=""`, "3")+"--B--"))
	if err != nil || v.Fields["a"].Kind != File || v.Fields["b"].Kind != String {
		t.Errorf("%+v, %v", v, err)
	}
	for _, header := range []string{"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\xff"} {
		if _, err := Parse(header, []byte("x")); err == nil || err.Error() != "Multipart form parse error - Invalid boundary in multipart: None" {
			t.Errorf("%q: %v", header, err)
		}
	}
	var e *Error
	if _, err := Parse("multipart/form-data; boundary=B", []byte(strings.Repeat(part(form+"a", "1"), 1002))); !errors.As(err, &e) || e.Status != 400 {
		t.Errorf("1,002 parts: %v", err)
	}
}

func TestKindNames(t *testing.T) {
	var names []string
	for k := Null; k <= Object; k++ {
		names = append(names, k.Name())
	}
	if want := []string{"NoneType", "bool", "int", "float", "str", "list", "dict"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
}

// FuzzJSON holds the scanner against encoding/json: it takes nothing that the
// standard library refuses, and reads the same.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":"\ud83d\ude00","b":[1,-2.5e3,null,true]}`, `"\ud800\u0041"`, `[[],{}]`, `NaN`, "\ufeff1", `{"a":1,"a":{"b":2}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) == 0 {
			return
		}
		v, err := Parse("application/json", body)
		if err != nil {
			if strict := json.Valid(body) && utf8.Valid(body); strict && !strings.Contains(err.Error(), "nested") {
				t.Fatalf("%q is refused: %v", body, err)
			}
			return
		}
		checkText(t, v)
		var want any
		if err := json.Unmarshal(body, &want); err != nil {
			var tooLarge *json.UnmarshalTypeError // 1e999
			if errors.As(err, &tooLarge) {
				return
			}
			t.Fatalf("%q is taken: %v", body, err)
		}
		if !agrees(v, want) {
			t.Fatalf("%q: %+v, want %v", body, v, want)
		}
		members, _ := want.(map[string]any)
		if len(members) != len(v.Fields) {
			t.Fatalf("%q: %d fields, want %d", body, len(v.Fields), len(members))
		}
		for name, member := range members {
			if !agrees(v.Fields[name], member) {
				t.Fatalf("%q: %s is %+v, want %v", body, name, v.Fields[name], member)
			}
		}
	})
}

func agrees(v Value, want any) bool {
	switch want := want.(type) {
	case nil:
		return v.Kind == Null
	case bool:
		return v.Kind == Bool && v.True == want
	case float64:
		f, err := strconv.ParseFloat(v.Text, 64)
		return (v.Kind == Int || v.Kind == Float) && err == nil && math.Abs(f-want) == 0
	case string:
		return v.Kind == String && v.Text == want
	case []any:
		return v.Kind == List && v.Empty == (len(want) == 0)
	case map[string]any:
		return v.Kind == Object && v.Empty == (len(want) == 0)
	}
	return false
}

// FuzzForms reads whatever it is given as a form of either kind.
func FuzzForms(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", []byte("a=%41&b=%ff&a"))
	f.Add("application/x-www-form-urlencoded; charset=utf-16", []byte("a=%00%d8"))
	f.Add("multipart/form-data; boundary=B", []byte("--B\r\nContent-Disposition: form-data; name=a; filename=\"\\\"\"\r\n\r\n1\r\n--B--"))
	f.Add("multipart/form-data; charset=latin-1; boundary=\"a;b\"", []byte("--a;b\n\n\n--a;b--"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		v, err := Parse(contentType, body)
		if err != nil {
			if !utf8.ValidString(err.Error()) {
				t.Errorf("%q: the error is no text", contentType)
			}
			return
		}
		checkText(t, v)
	})
}

func checkText(t *testing.T, v Value) {
	t.Helper()
	if !utf8.ValidString(v.Text) {
		t.Fatalf("%q is no text", v.Text)
	}
	for name, field := range v.Fields {
		if !utf8.ValidString(name) || !utf8.ValidString(field.Text) {
			t.Fatalf("%q: %q is no text", name, field.Text)
		}
	}
}
