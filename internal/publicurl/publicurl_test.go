package publicurl

import "testing"

func TestJoin(t *testing.T) {
	for _, c := range []struct{ public, path, want string }{
		{"https://h", "/api/auth/", "https://h/api/auth/"},
		{"https://h/", "/api/auth/", "https://h/api/auth/"},
		{"https://h/durin", "/api/auth/", "https://h/durin/api/auth/"},
		{"https://h/durin/", "/account/", "https://h/durin/account/"},
		{"https://h/durin", "/durin/api/auth/", "https://h/durin/api/auth/"},
		{"https://h/durin", "/durin2/api/", "https://h/durin/durin2/api/"},
		{"https://h/durin", "/", "https://h/durin/"},
		{"https://h/durin", "/durin", "https://h/durin/"},
		{"https://h:8443/a/b", "/a/x", "https://h:8443/a/b/a/x"},
	} {
		if got := Join(c.public, c.path); got != c.want {
			t.Errorf("%s of %s is at %s, want %s", c.path, c.public, got, c.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		path, prefix, rest string
		below              bool
	}{
		{"/durin/x", "/durin", "/x", true}, {"/durin", "/durin", "/", true}, {"/durin/", "/durin", "/", true}, {"/durinx", "/durin", "/durinx", false},
		{"/x", "/durin", "/x", false}, {"/x", "", "/x", true}, {"//durin/x", "/durin", "//durin/x", false},
	} {
		if rest, below := Cut(c.path, c.prefix); rest != c.rest || below != c.below {
			t.Errorf("%s below %q: %s, %v", c.path, c.prefix, rest, below)
		}
	}
}
