// Package importer brings users, password hashes, clients and tokens of a
// Django project into a store, so that nobody is logged out:
//
//	report, err := importer.Django(ctx, file, store, importer.Options{Keyring: ring})
//
// It reads what "manage.py dumpdata" writes, as an array or as jsonl, in any
// order of rows, with numeric, textual or natural keys, as a stream of any
// length. It understands the models of django-rest-durin, of Django's users
// (or the project's own model), of django-rest-framework's authtoken, of
// drf-multitokenauth, and of django-rest-knox, whose tokens only a SHA-512 is known
// of; rows of other models are passed over.
//
// The dump is read several times: first whole, so that nothing of a damaged one
// is written; then as a rehearsal against the store, so that an import that
// cannot take every row stops with the list of them before it writes anything;
// then in earnest, some hundred rows to a transaction. With Options.Lenient
// there is no rehearsal: what can be mended is mended and the rest left out, and
// the Report tells.
//
// The store's ledger remembers every row taken. A row in it is never touched
// again: an import may be interrupted and repeated, and a later dump of the same
// project brings only what is new. Dumps of another project, whose keys mean
// other rows, are told apart by the instants at which their users joined.
//
// Memory: some 20 bytes for each user name, 10 for each token and each pair of a user
// and a client, less than a byte for each numeric key, and all clients. Keys of
// users that are no numbers, or that the store could not keep, cost about a
// hundred bytes each, and so do user names where tokens refer to them by natural
// keys.
package importer

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/keyring"
	"github.com/durin-go/durin/transfer"
)

// Options of an import. The zero value works.
type Options struct {
	// Lenient takes what it can: it mends what has a sensible mend, leaves
	// out what has none, and reports both.
	Lenient bool
	// DryRun goes through everything and writes nothing.
	DryRun bool
	// DefaultTTL is the life time of clients that have none above zero.
	// Zero: 24 hours, as in django-rest-durin.
	DefaultTTL time.Duration
	// Keyring seals the tokens of clients with the policy reuse, so that
	// the next login can hand them out again. Nil: they come without.
	Keyring *keyring.Ring
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Zone is that of instants that tell none, as projects with USE_TZ=False
	// write them: their TIME_ZONE. Nil: UTC with Lenient, else a *ZoneError if
	// there are any.
	Zone *time.Location
	// Progress, if set, is called now and then, by the goroutine that
	// imports.
	Progress func(Progress)
	// TempDir is where a source that cannot seek is kept while it is read,
	// readable by its owner only, and removed at the end: it holds secrets.
	// Empty: os.TempDir.
	TempDir string
	// TokenModels are models of the project's own in the place of a library's,
	// "app.Model" by "durin", "drf", "knox" (KNOX_TOKEN_MODEL) or "multitoken".
	// They have the library's fields.
	TokenModels map[string]string
	// UserModel is the project's user model, "app.Model". Empty: auth.user.
	UserModel string
	// UserNameField and ActiveField are fields of UserModel. Empty: username
	// and is_active. A model of the project's own without the latter has
	// active users only.
	UserNameField, ActiveField string
	// ClientFor names the client that gets the tokens of a library that
	// has no clients: "drf" (authtoken), "multitoken" (drf-multitokenauth),
	// "knox". Empty: a client called like the library. It is made when
	// there is none, with the policy evict and the life time never.
	ClientFor map[string]string

	zoneless bool              // no Zone was given
	models   map[string]string // ours by TokenModels' names
}

// Progress tells how far an import is.
type Progress struct {
	Step, Steps int    // of reading the dump, counted from 1
	Doing       string // "reading", "checking" or "writing"
	Bytes, Size int64  // read in this step, and all
	Rows        int    // read in this step
}

const (
	defaultUserModel = "auth.user"
	clientModel      = "durin.client"
	tokenModel       = "durin.authtoken"
	drfModel         = "authtoken.token"
	knoxModel        = "knox.authtoken"
	multiModel       = "drf_multitokenauth.multitoken"
	oldMultiModel    = "django_rest_multitokenauth.multitoken" // its name before version 2
)

// Sources of tokens of other libraries, as Options.ClientFor names them.
const (
	sourceDurin = "durin" // has clients; for TokenModels only
	sourceDRF   = "drf"
	sourceKnox  = "knox"
	sourceMulti = "multitoken"
)

// kind says what to do with the rows of a model.
type kind int

const (
	userRows kind = 1 << iota
	clientRows
	tokenRows // of django-rest-durin: their ids are kept
	otherTokenRows
	noRows kind = 0
)

func (o *Options) kindOf(model string) kind {
	switch model {
	case o.UserModel:
		return userRows
	case clientModel:
		return clientRows
	case tokenModel:
		return tokenRows
	case drfModel, knoxModel, multiModel:
		return otherTokenRows
	}
	return noRows
}

// Django imports the dump src into dst. A src that begins as a gzip file does is
// unpacked on the way. The error is a *FormatError if src is
// not a whole dump, a *NothingError if there is nothing in it to take; without
// Lenient a *RowsError if there are rows that cannot be taken as they stand, a
// *ZoneError if Zone is wanted, or both joined: all of them come before anything
// is written. After any other error what the Report counts as taken is in dst, and the same call again goes
// on from there. The Report is nil when the dump could not be read at all.
//
// dst should be a durin.Store and a durin.UserStore too. Without them renamed
// clients, clients' present policies and other projects' dumps go unnoticed.
func Django(ctx context.Context, src io.Reader, dst transfer.Importer, opts Options) (*Report, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	dump, err := open(ctx, src, opts.TempDir)
	if err != nil {
		return nil, err
	}
	defer dump.close()
	j := &job{Options: opts, dst: dst, dump: dump, now: opts.Now()}
	if err := j.survey(ctx); err != nil {
		return nil, err
	}
	if err := j.nothing(nil); err != nil {
		return nil, err
	}
	if err := j.chooseSpace(ctx); err != nil {
		return nil, err
	}
	if opts.DryRun || !opts.Lenient {
		report, err := j.through(ctx, true)
		if err == nil && !opts.Lenient {
			err = j.strict(report)
		}
		if err != nil || opts.DryRun {
			return report, err
		}
	}
	return j.through(ctx, false)
}

// through is a pass, with what is to be said of it as a whole.
func (j *job) through(ctx context.Context, dry bool) (*Report, error) {
	report, err := j.pass(ctx, dry)
	j.tell(report)
	if err == nil && j.Lenient {
		err = j.nothing(report)
	}
	return report, err
}

// strict tells why an import without Lenient stops before it writes.
func (j *job) strict(report *Report) error {
	var faults []error
	if len(report.Problems) > 0 {
		faults = append(faults, &RowsError{report.Problems, report.MoreProblems})
	}
	if j.zoneless && report.Naive > 0 {
		faults = append(faults, &ZoneError{report.Naive})
	}
	if len(faults) == 1 {
		return faults[0]
	}
	return errors.Join(faults...)
}

// complete puts the defaults in place.
func (o *Options) complete() error {
	def := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	def(&o.UserModel, defaultUserModel)
	def(&o.UserNameField, "username")
	def(&o.ActiveField, "is_active")
	o.UserModel = strings.ToLower(o.UserModel)
	if o.DefaultTTL == 0 {
		o.DefaultTTL = 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.zoneless = o.Zone == nil; o.zoneless {
		o.Zone = time.UTC
	}
	if !isModel(o.UserModel) {
		return errors.New("importer: a user model is named like app.Model")
	}
	if o.UserModel != defaultUserModel && o.kindOf(o.UserModel) != userRows || slices.Contains([]string{clientModel, tokenModel, drfModel, knoxModel, multiModel}, o.UserModel) {
		return errors.New("importer: " + o.UserModel + " is no user model")
	}
	if err := o.nameModels(); err != nil {
		return err
	}
	if o.DefaultTTL < time.Microsecond {
		return errors.New("importer: the default life time must be above zero")
	}
	for source, client := range o.ClientFor {
		if source != sourceDRF && source != sourceKnox && source != sourceMulti {
			return errors.New("importer: a client is named for drf, knox or multitoken, not for " + source)
		}
		if err := (durin.Client{Name: client, TTL: durin.Never}).Validate(); err != nil {
			return errors.New("importer: the client for " + source + ": " + err.Error())
		}
	}
	return nil
}
