package importer

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Suspect is a model whose rows were passed over, though they look like users or
// like tokens: the project has a model of its own in the place of a library's.
type Suspect struct {
	Model string `json:"model"`
	Rows  int    `json:"rows"`
	// Like is what it looks like: "user", or the library of such tokens, as
	// Options.TokenModels names it.
	Like string `json:"like"`
	// NameField is the field of a user model that may hold the names people log
	// in with, where there is no username: "email". Empty: username, or none
	// is to be seen.
	NameField string `json:"name_field,omitempty"`
}

// likeUser is the Like of a user model.
const likeUser = "user"

func (s Suspect) String() string {
	if s.Like == likeUser {
		return fmt.Sprintf("%s looks like the project's user model", s.Model)
	}
	return fmt.Sprintf("%s looks like a model of tokens of the kind %s", s.Model, s.Like)
}

// maxSuspects bounds how many models of others are looked at.
const maxSuspects = 256

// suspect looks at the first row of each model that is not ours.
func (j *job) suspect(raw rawRow, model string) {
	if n, seen := j.foreign[model]; seen {
		j.foreign[model] = n + 1
		return
	}
	if len(j.foreign) == maxSuspects || raw.cut {
		return
	}
	if j.foreign == nil {
		j.foreign = map[string]int{}
	}
	j.foreign[model] = 1
	if s, ok := judge(decode(raw, model, j.Zone)); ok {
		j.suspects = append(j.suspects, s)
	}
}

// suspected are the suspects, with the number of their rows.
func (j *job) suspected() []Suspect {
	all := slices.Clone(j.suspects)
	for i := range all {
		all[i].Rows = j.foreign[all[i].Model]
	}
	return all
}

var (
	drfKey  = regexp.MustCompile(`\A[0-9a-f]{40,64}\z`)
	knoxKey = regexp.MustCompile(`\A[0-9a-f]{128}\z`)
)

// judge tells what a row of an unknown model looks like.
func judge(r *record) (Suspect, bool) {
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { _, there := r.fields[name]; return !there })
	}
	text := func(field string) string {
		var s string
		_ = json.Unmarshal(r.fields[field], &s)
		return s
	}
	s := Suspect{Model: r.model}
	switch {
	case has("password", "last_login"):
		s.Like = likeUser
		if !has("username") && has("email") {
			s.NameField = "email"
		}
	case has("token", "user", "client", "expiry"):
		s.Like = sourceDurin
	case has("user", "created") && (knoxKey.MatchString(r.pk) || knoxKey.MatchString(text("digest"))):
		s.Like = sourceKnox
	case has("user", "created", "user_agent", "last_known_ip"):
		s.Like = sourceMulti
	case has("user", "created") && (drfKey.MatchString(r.pk) || drfKey.MatchString(text("key"))):
		s.Like = sourceDRF
	}
	return s, s.Like != ""
}

// A NothingError says that an import took nothing, and that none of it had been
// taken before: there is most likely another dump, or another model, to name.
type NothingError struct {
	// Rows counts those of users, clients and tokens that the dump holds: with
	// Lenient all of them may be left out.
	Rows     int
	Suspects []Suspect
}

func (e *NothingError) Error() string {
	what := "the dump holds no users, clients or tokens of a model that is known here"
	if e.Rows > 0 {
		what = fmt.Sprintf("all %d rows of users, clients and tokens are left out", e.Rows)
	}
	for _, s := range e.Suspects {
		what += "; " + s.String()
	}
	return "importer: nothing was taken: " + what
}

// nothing is the *NothingError of an import that has taken nothing.
func (j *job) nothing(report *Report) error {
	rows, here := 0, 0
	if report != nil {
		for _, m := range report.Models {
			rows, here = rows+m.Read, here+m.Taken+m.Known
		}
	} else {
		for _, n := range j.counts {
			here += n
		}
	}
	if here > 0 {
		return nil
	}
	return &NothingError{Rows: rows, Suspects: j.suspected()}
}

// A ZoneError says that rows tell instants without a zone, as projects with
// USE_TZ=False write them, and that Options.Zone does not say which one it is. As
// UTC, tokens would end hours too early or too late.
type ZoneError struct{ Rows int }

func (e *ZoneError) Error() string {
	return fmt.Sprintf("importer: %d rows have instants without a time zone: name the project's TIME_ZONE as Options.Zone", e.Rows)
}

// tell puts into the report what concerns the dump as a whole.
func (j *job) tell(report *Report) {
	if report == nil {
		return
	}
	report.Suspects = j.suspected()
	if n := report.Naive; n > 0 {
		report.note("%s instants without a time zone: they are read in %s.", counted(n, "row has", "rows have"), j.Zone)
	}
	if n := report.Clamped; n > 0 {
		report.note("%s an instant outside of the years 1 to 9999: it becomes the nearest inside.", counted(n, "row has", "rows have"))
	}
	for i := range report.Models {
		report.Models[i].Model = j.called(report.Models[i].Model)
	}
	for i := range report.Problems {
		report.Problems[i].Model = j.called(report.Problems[i].Model)
	}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// called is what the project calls one of our models.
func (o *Options) called(model string) string {
	for own, as := range o.models {
		if as == model {
			return own
		}
	}
	return model
}

// modelOf returns the model of a row in lower case, as we call it, and "" if the
// row names none.
func (o *Options) modelOf(r rawRow) string {
	model := namedModel(r)
	if as, ok := o.models[model]; ok {
		return as
	}
	if model == oldMultiModel {
		return multiModel
	}
	return model
}

// nameModels reads TokenModels.
func (o *Options) nameModels() error {
	o.models = map[string]string{}
	for source, model := range o.TokenModels {
		as, ok := map[string]string{sourceDurin: tokenModel, sourceDRF: drfModel, sourceKnox: knoxModel, sourceMulti: multiModel}[source]
		model = strings.ToLower(model)
		switch {
		case !ok:
			return fmt.Errorf("importer: a model of tokens is one of durin, drf, knox or multitoken, not of %s", source)
		case !isModel(model):
			return fmt.Errorf("importer: the model of the tokens of %s is named like app.Model", source)
		case model == o.UserModel || o.kindOf(model) != noRows && model != as:
			return fmt.Errorf("importer: %s is no model of the tokens of %s", model, source)
		case o.models[model] != "" && o.models[model] != as:
			return fmt.Errorf("importer: %s can be the model of one library's tokens only", model)
		}
		o.models[model] = as
	}
	return nil
}

// isModel reports whether name is of the form app.Model.
func isModel(name string) bool {
	app, model, found := strings.Cut(name, ".")
	return found && app != "" && model != ""
}
