package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed templates static texts.txt
var shared embed.FS

//go:embed texts.txt
var sharedTexts string

// An asset is a file that pages load. Its name bears its digest, so that browsers
// may keep it for good.
type asset struct {
	name string // with the digest
	kind string
	body []byte
}

// assetFolder is where assets are below the site's path.
const assetFolder = "assets/"

func hashAssets() (map[string]asset, error) {
	files, err := fs.ReadDir(shared, "static")
	if err != nil {
		return nil, err
	}
	all := map[string]asset{}
	for _, f := range files {
		body, err := shared.ReadFile("static/" + f.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(body)
		end := path.Ext(f.Name())
		name := strings.TrimSuffix(f.Name(), end) + "." + hex.EncodeToString(sum[:8]) + end
		all[f.Name()] = asset{name, mime.TypeByExtension(end), body}
	}
	return all, nil
}

// Asset answers a request for a file that pages load, and reports whether r is
// one. It needs nobody to be signed in.
func (s *Site) Asset(w http.ResponseWriter, r *http.Request) bool {
	name, ok := strings.CutPrefix(r.URL.Path, s.opt.Path+assetFolder)
	if !ok || !Safe(r) {
		return false
	}
	for _, a := range s.assets {
		if a.name == name {
			w.Header().Set("Content-Type", a.kind)
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
			return true
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	http.NotFound(w, r)
	return true
}

func (s *Site) assetURL(name string) string { return s.opt.Path + assetFolder + s.assets[name].name }
