package enginetest

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/importer"
	"github.com/durin-go/durin/memstore"
	"github.com/durin-go/durin/transfer"
)

// A person is somebody, whatever databases call them and by whatever key.
type person struct {
	number int
	joined time.Time // zero where their project keeps no such instant
}

// A credential is a token: whose it is, and for which clients who issued it says
// that it is.
type credential struct {
	secret  string
	who     *person
	clients map[string]bool
	called  map[string]bool // by dumps that do not have the user, but the name
	legacy  bool            // only its SHA-512 is known
}

// A keeper is what a store of users, clients and tokens has to offer.
type keeper interface {
	durin.Store
	durin.UserStore
	transfer.Importer
	transfer.Exporter
	transfer.LegacyStore
}

// A watched store is one whose contents are compared with what must be.
type watched struct {
	keeper
	people  map[string]*person          // by id
	names   map[*person]map[string]bool // by which imports have called them
	left    map[*person]bool            // deleted here
	clients map[int64]map[string]bool
	alive   map[*credential]bool
	ended   map[*credential]bool
	counts  map[string]int
}

func watch(s keeper) *watched {
	return &watched{s, map[string]*person{}, map[*person]map[string]bool{}, map[*person]bool{}, map[int64]map[string]bool{}, map[*credential]bool{}, map[*credential]bool{}, map[string]int{}}
}

// A row names a person as a dump does.
type named struct {
	name   string
	joined int64
}

func nameOf(name string, joined time.Time) named { return named{name, joined.UnixMicro()} }

// look compares the store with what must be. those are the people whom the dump
// names that was imported.
func (w *watched) look(ctx context.Context, wd *world, those map[named]*person) error {
	for _, check := range []func(context.Context, *world, map[named]*person) error{w.lookAtUsers, w.lookAtClients, w.lookAtTokens, w.lookAtCounts} {
		if err := check(ctx, wd, those); err != nil {
			return err
		}
	}
	return nil
}

func (w *watched) lookAtUsers(ctx context.Context, _ *world, those map[named]*person) error {
	users, err := w.Users(ctx, "", 1000)
	if err != nil {
		return err
	}
	for _, u := range users {
		who, known := w.people[u.ID]
		if !known {
			if who = those[nameOf(u.Name, u.Created)]; who == nil {
				return fmt.Errorf("user %s, %q, is nobody whom the dump names", u.ID, u.Name)
			}
			if w.left[who] && w.names[who][u.Name] && !who.joined.IsZero() { // who is known by key alone may come without
				return fmt.Errorf("person %d, %q, was deleted here and came back", who.number, u.Name)
			}
			w.people[u.ID] = who
		}
		if !u.Created.Equal(who.joined) {
			return fmt.Errorf("user %s, %q, joined %v and has the id of person %d, who joined %v", u.ID, u.Name, u.Created, who.number, who.joined)
		}
	}
	return nil
}

func (w *watched) lookAtClients(ctx context.Context, _ *world, _ map[named]*person) error {
	clients, err := w.Clients(ctx)
	for _, c := range clients {
		if w.clients[c.ID] == nil {
			w.clients[c.ID] = map[string]bool{}
		}
		if w.clients[c.ID][deletedClient] {
			return fmt.Errorf("client %q has the id %d of one that was deleted", c.Name, c.ID)
		}
		w.clients[c.ID][c.Name] = true
	}
	return err
}

// deletedClient is no client's name: it is too long.
var deletedClient = strings.Repeat("deleted", 20)

func (w *watched) lookAtTokens(ctx context.Context, wd *world, _ map[named]*person) error {
	for _, c := range wd.credentials {
		s, err := w.find(ctx, c)
		if errors.Is(err, durin.ErrNotFound) {
			if w.alive[c] {
				w.ended[c] = true
			}
			delete(w.alive, c)
			continue
		}
		if err != nil {
			return err
		}
		w.alive[c] = true
		who := w.people[s.UserID]
		switch {
		case who != c.who && !sharesOne(c.called, w.names[who]):
			return fmt.Errorf("the token %s of person %d authenticates as %q (user %s)", c.secret, c.who.number, s.UserName, s.UserID)
		case !sharesOne(c.clients, w.clients[s.Client.ID]):
			return fmt.Errorf("the token %s, of %v, is of the client %q", c.secret, c.clients, s.Client.Name)
		case w.ended[c]:
			return fmt.Errorf("the token %s was ended and came back", c.secret)
		}
	}
	return nil
}

// find looks a token up, as itself or as what is known of it before its first use.
func (w *watched) find(ctx context.Context, c *credential) (durin.Session, error) {
	s, err := w.Lookup(ctx, durin.Secret(c.secret).Digest())
	if errors.Is(err, durin.ErrNotFound) && c.legacy {
		s, err = w.Lookup(ctx, transfer.Placeholder(sha512.Sum512([]byte(c.secret))))
	}
	return s, err
}

func sharesOne(a, b map[string]bool) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(a)), func(s string) bool { return b[s] })
}

func (w *watched) lookAtCounts(ctx context.Context, wd *world, _ map[named]*person) error {
	all, err := w.Sessions(ctx, browse.Query{Limit: 1000})
	if err != nil {
		return err
	}
	counts, most := map[string]int{}, map[string]int{}
	for _, s := range all {
		if s.Expired(wd.now) {
			continue
		}
		slot := fmt.Sprint(s.UserID, " ", s.Client.ID)
		counts[slot]++
		most[slot] = 1
		if p := s.Client.Policy; p == durin.PolicyEvict || p == durin.PolicyReject {
			most[slot] = max(1, s.Client.MaxTokens)
		}
	}
	for slot, n := range counts {
		if n > max(most[slot], w.counts[slot]) { // a policy that became stricter ends none by itself
			return fmt.Errorf("%d live tokens of user and client %s, whose policy allows %d", n, slot, most[slot])
		}
	}
	w.counts = counts
	return nil
}

// A project is a Django database that gives the highest key out again.
type project struct {
	undated bool
	users   map[int]*account
	clients map[int]string
	tokens  []*projectToken
}

type account struct {
	who           *person
	name          string
	active, super bool
}

type projectToken struct {
	*credential
	pk           int
	model        string // durin.authtoken and so on
	user, client int
	created      time.Time
	expired      bool
}

func next[V any](m map[int]V) int {
	highest := 0
	for k := range m {
		highest = max(highest, k)
	}
	return highest + 1
}

// A dump is what came out of a project or another Durin, to be imported now or later.
type dump struct {
	text   string
	durin  bool
	opts   importer.Options
	people map[named]*person
	tokens map[*credential]string // the clients that it names
}

// A world is projects, a store that imports from them and others that do, too.
type world struct {
	*rand.Rand
	now         time.Time
	people      int
	words       int
	undated     map[string]*person // those who are known by name only
	projects    []*project
	stores      []*watched // the first is the one that others are moved to
	dumps       []*dump
	credentials []*credential
	log         []string
}

func newWorld(seed uint64, main keeper) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 7)), now: now, undated: map[string]*person{}}
	for i := range 3 {
		w.projects = append(w.projects, &project{undated: i == 2, users: map[int]*account{}, clients: map[int]string{}})
	}
	w.stores = []*watched{watch(main), watch(memstore.New()), watch(memstore.New())}
	for range 8 {
		w.changeProject()
	}
	return w
}

func (w *world) tell(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func pick[K comparable, V any](w *world, m map[K]V, order func(a, b K) int) (K, bool) {
	keys := slices.SortedFunc(maps.Keys(m), order)
	if len(keys) == 0 {
		var none K
		return none, false
	}
	return keys[w.IntN(len(keys))], true
}

func (w *world) pickInt(m map[int]*account) (int, bool) {
	return pick(w, m, func(a, b int) int { return a - b })
}

func (w *world) newPerson() *person {
	w.people++
	return &person{w.people, w.now.Add(time.Duration(w.people) * time.Millisecond)}
}

var (
	peopleNames = []string{"ada", "bob", "cyd", "dan", "eve", "fay"}
	clientNames = []string{"web", "cli", "phone", "drf", "knox"}
	policies    = []durin.Policy{durin.PolicyReuse, durin.PolicyReplace, durin.PolicyEvict, durin.PolicyReject}
)

func (w *world) oneOf(list []string) string { return list[w.IntN(len(list))] }

func (w *world) secret(kind string) string {
	w.words++
	return fmt.Sprintf("%s%038d", kind, w.words)
}

// changeProject does one thing in a Django database.
func (w *world) changeProject() {
	p := w.projects[w.IntN(len(w.projects))]
	name := w.oneOf(peopleNames)
	if p.undated {
		name = "of-p-" + name // these are known by name only, so nobody else has it
	}
	free := !slices.ContainsFunc(slices.Collect(maps.Values(p.users)), func(a *account) bool { return a.name == name })
	user, there := w.pickInt(p.users)
	client, hasClient := pick(w, p.clients, func(a, b int) int { return a - b })
	switch w.IntN(12) {
	case 0, 1, 2:
		if !free {
			return
		}
		who := w.newPerson()
		if p.undated {
			if who.joined = (time.Time{}); w.undated[name] != nil {
				who = w.undated[name]
			}
			w.undated[name] = who
		}
		p.users[next(p.users)] = &account{who, name, w.IntN(8) > 0, w.IntN(8) == 0}
	case 3:
		if there {
			delete(p.users, user)
			p.tokens = slices.DeleteFunc(p.tokens, func(t *projectToken) bool { return t.user == user })
		}
	case 4:
		if there && free && !p.undated {
			p.users[user].name = name
		}
	case 5, 6:
		name := w.oneOf(clientNames[:3])
		if !slices.Contains(slices.Collect(maps.Values(p.clients)), name) {
			p.clients[next(p.clients)] = name
		}
	case 7:
		if hasClient {
			delete(p.clients, client)
			p.tokens = slices.DeleteFunc(p.tokens, func(t *projectToken) bool { return t.client == client })
		}
	case 8:
		if len(p.tokens) > 0 {
			p.tokens = slices.Delete(p.tokens, 0, 1)
		}
	default:
		if there && hasClient {
			w.projectLogin(p, user, client)
		}
	}
}

func (w *world) projectLogin(p *project, user, client int) {
	models := []string{"durin.authtoken", "durin.authtoken", "authtoken.token", "knox.authtoken", "drf_multitokenauth.multitoken"}
	t := &projectToken{model: models[w.IntN(len(models))], user: user, created: w.now, expired: w.IntN(8) == 0}
	if t.model == "durin.authtoken" {
		t.client = client
	}
	pks := map[int]bool{}
	for _, other := range p.tokens {
		if other.model == t.model {
			pks[other.pk] = true
			if other.user == user && other.client == t.client && (t.client != 0 || t.model == "authtoken.token") {
				return // it has one
			}
		}
	}
	t.pk = next(pks)
	t.credential = &credential{secret: w.secret("dj"), who: p.users[user].who, clients: map[string]bool{}, called: map[string]bool{}, legacy: t.model == "knox.authtoken"}
	w.credentials = append(w.credentials, t.credential)
	p.tokens = append(p.tokens, t)
}

// dumpProject writes a dump, in one of the forms that Django can write.
func (w *world) dumpProject() {
	n := w.IntN(len(w.projects))
	p := w.projects[n]
	d := &dump{people: map[named]*person{}, tokens: map[*credential]string{}}
	absent := map[int]bool{}
	withUsers, withClients, natural := w.IntN(6) > 0, w.IntN(6) > 0, w.IntN(4)
	naturalForeign, naturalPrimary := natural <= 1, natural == 0
	model := "auth.user"
	if p.undated {
		model, d.opts.UserModel = "people.person", "people.person"
	}
	var rows []map[string]any
	add := func(model string, pk any, fields map[string]any) {
		row := map[string]any{"model": model, "fields": fields}
		if pk != nil {
			row["pk"] = pk
		}
		rows = append(rows, row)
	}
	for _, pk := range slices.Sorted(maps.Keys(p.users)) {
		u := p.users[pk]
		d.people[nameOf(u.name, u.who.joined)] = u.who
		if !withUsers || w.IntN(10) == 0 {
			absent[pk] = true
			continue
		}
		fields := map[string]any{"username": u.name, "password": "!", "is_active": u.active, "is_superuser": u.super}
		if !p.undated {
			fields["date_joined"] = u.who.joined.Format(time.RFC3339Nano)
		}
		if naturalPrimary {
			add(model, nil, fields)
		} else {
			add(model, pk, fields)
		}
	}
	for _, pk := range slices.Sorted(maps.Keys(p.clients)) {
		if withClients {
			add("durin.client", pk, map[string]any{"name": p.clients[pk], "token_ttl": "365 00:00:00", "throttle_rate": ""})
		}
	}
	for _, t := range p.tokens {
		var user any = t.user
		if naturalForeign {
			user = []string{p.users[t.user].name}
		}
		if naturalForeign && absent[t.user] {
			t.called[p.users[t.user].name] = true // when it is imported at the latest
		}
		expiry := t.created.AddDate(10, 0, 0)
		if t.expired {
			expiry = t.created
		}
		created := t.created.Format(time.RFC3339Nano)
		switch t.model {
		case "durin.authtoken":
			d.tokens[t.credential] = p.clients[t.client]
			add(t.model, t.pk, map[string]any{"token": t.secret, "user": user, "client": t.client, "created": created, "expiry": expiry.Format(time.RFC3339Nano)})
		case "authtoken.token":
			d.tokens[t.credential] = "drf"
			add(t.model, t.secret, map[string]any{"user": user, "created": created})
		case "knox.authtoken":
			d.tokens[t.credential] = "knox"
			sum := sha512.Sum512([]byte(t.secret))
			add(t.model, hex.EncodeToString(sum[:]), map[string]any{"user": user, "created": created, "expiry": nil, "token_key": "x"})
		default:
			d.tokens[t.credential] = "multitoken"
			add(t.model, t.pk, map[string]any{"key": t.secret, "user": user, "created": created, "last_known_ip": nil, "user_agent": "", "name": ""})
		}
	}
	if w.IntN(4) == 0 {
		w.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	text, err := json.Marshal(rows)
	if err != nil || len(rows) == 0 {
		return
	}
	d.text = string(text)
	w.tell("dump %d is of project %d: %s", len(w.dumps), n, text)
	w.dumps = append(w.dumps, d)
}

// exportStore writes what another Durin has. Two of them are copies of one, and
// have its name.
func (w *world) exportStore(ctx context.Context) error {
	n := 1 + w.IntN(len(w.stores)-1)
	s := w.stores[n]
	var b bytes.Buffer
	if _, err := importer.Export(ctx, &b, s, importer.ExportOptions{Origin: "twin", Now: w.now}); err != nil {
		return err
	}
	d := &dump{text: b.String(), durin: true, people: map[named]*person{}, tokens: map[*credential]string{}}
	users, err := s.Users(ctx, "", 1000)
	for _, u := range users {
		d.people[nameOf(u.Name, u.Created)] = s.people[u.ID]
	}
	for c := range s.alive {
		if found, err := s.find(ctx, c); err == nil {
			d.tokens[c] = found.Client.Name
		}
	}
	w.tell("dump %d is of store %d: %s", len(w.dumps), n, d.text)
	w.dumps = append(w.dumps, d)
	return err
}

// importDump imports a late dump, or an old one again.
func (w *world) importDump(ctx context.Context) error {
	if len(w.dumps) == 0 {
		return nil
	}
	n := len(w.dumps) - 1
	if w.IntN(3) == 0 {
		n = w.IntN(len(w.dumps))
	}
	d, into := w.dumps[n], 0
	if !d.durin && w.IntN(4) == 0 {
		into = 1 + w.IntN(len(w.stores)-1)
	}
	opts := d.opts
	opts.Now, opts.Lenient, opts.DryRun = func() time.Time { return w.now }, w.IntN(3) > 0, w.IntN(8) == 0
	if w.IntN(6) == 0 {
		opts.ClientFor = map[string]string{"drf": w.oneOf(clientNames), "knox": w.oneOf(clientNames)}
	}
	do := importer.Django
	if d.durin {
		do = importer.Durin
	}
	for c, name := range d.tokens {
		if other := opts.ClientFor[name]; other != "" {
			name = other
		}
		c.clients[name] = true
	}
	report, err := do(ctx, strings.NewReader(d.text), w.stores[into], opts)
	w.tell("import of dump %d into store %d, lenient %v, dry %v, %v: %v", n, into, opts.Lenient, opts.DryRun, opts.ClientFor, err)
	if report != nil {
		w.tell("%q, %q", report.Problems, report.Notes)
	}
	var rows *importer.RowsError
	var format *importer.FormatError
	var nothing *importer.NothingError
	if err != nil && !errors.As(err, &rows) && !errors.As(err, &format) && !errors.As(err, &nothing) {
		return err
	}
	if failed := w.stores[into].look(ctx, w, d.people); failed != nil || err != nil || opts.DryRun {
		return failed
	}
	for is, who := range d.people {
		if w.stores[into].names[who] == nil {
			w.stores[into].names[who] = map[string]bool{}
		}
		w.stores[into].names[who][is.name] = true
	}
	return nil
}

func (w *world) withPolicy(c durin.Client) durin.Client {
	c.Policy, c.MaxTokens = policies[w.IntN(4)], 0
	if c.Policy == durin.PolicyEvict || c.Policy == durin.PolicyReject {
		c.MaxTokens = 1 + w.IntN(3)
	}
	return c
}

// changeStore does one thing in a store.
func (w *world) changeStore(ctx context.Context) error {
	n := w.IntN(len(w.stores))
	s := w.stores[n]
	users, err := s.Users(ctx, "", 1000)
	if err != nil {
		return err
	}
	clients, err := s.Clients(ctx)
	if err != nil {
		return err
	}
	var u durin.User
	var c durin.Client
	if len(users) > 0 {
		u = users[w.IntN(len(users))]
	}
	if len(clients) > 0 {
		c = clients[w.IntN(len(clients))]
	}
	what := w.IntN(14)
	w.tell("store %d: %d with user %s %q, client %d %q", n, what, u.ID, u.Name, c.ID, c.Name)
	those := map[named]*person{}
	switch {
	case what == 0:
		who, name := w.newPerson(), w.oneOf(peopleNames)
		those[nameOf(name, who.joined)] = who
		_, err = s.CreateUser(ctx, durin.User{Name: name, Password: "!", Active: true, Created: who.joined})
	case what == 1:
		_, err = s.CreateClient(ctx, w.withPolicy(durin.Client{Name: w.oneOf(clientNames), TTL: 1000 * time.Hour, Created: w.now}))
	case what == 2 && u.ID != "":
		s.left[s.people[u.ID]] = true
		_, _, err = s.DeleteUser(ctx, u.ID, w.now)
	case what == 3 && c.ID != 0:
		s.clients[c.ID][deletedClient] = true
		_, err = s.DeleteClient(ctx, c.Name, w.now)
	case what == 4 && u.ID != "" && !u.Created.IsZero():
		_, _, err = s.UpdateUser(ctx, u.ID, w.now, func(u *durin.User) error { u.Name = w.oneOf(peopleNames); return nil })
	case what == 5 && c.ID != 0:
		_, err = s.UpdateClient(ctx, c.Name, w.now, func(c *durin.Client) error { c.Name = w.oneOf(clientNames); return nil })
	case what == 6 && c.ID != 0:
		_, err = s.UpdateClient(ctx, c.Name, w.now, func(c *durin.Client) error { *c = w.withPolicy(*c); return nil })
	case what == 7 && len(w.credentials) > 0:
		k := w.credentials[w.IntN(len(w.credentials))]
		if k.legacy {
			_, err = s.AdoptLegacy(ctx, []transfer.LegacyDigest{sha512.Sum512([]byte(k.secret))}, durin.Secret(k.secret).Digest())
		}
	case what <= 9 && u.ID != "" && c.ID != 0:
		_, err = s.End(ctx, durin.Selection{UserID: u.ID, Client: c.Name}, w.now)
	case u.ID != "" && c.ID != 0:
		k := &credential{secret: w.secret("here"), who: s.people[u.ID], clients: maps.Clone(s.clients[c.ID])}
		w.credentials = append(w.credentials, k)
		_, err = s.Issue(ctx, durin.NewToken{UserID: u.ID, Owned: true, Client: c.Name, Digest: durin.Secret(k.secret).Digest(), Now: w.now})
	}
	var refused *durin.Error
	if err != nil && !errors.Is(err, durin.ErrExists) && !errors.As(err, &refused) {
		return err
	}
	return s.look(ctx, w, those)
}

// step does one thing somewhere.
func (w *world) step(ctx context.Context) error {
	w.now = w.now.Add(time.Minute)
	switch w.IntN(10) {
	case 0, 1, 2:
		for range 1 + w.IntN(4) {
			w.changeProject()
		}
		return nil
	case 3, 4:
		w.dumpProject()
		return w.importDump(ctx)
	case 5:
		return w.importDump(ctx)
	case 6:
		if err := w.exportStore(ctx); err != nil {
			return err
		}
		return w.importDump(ctx)
	}
	return w.changeStore(ctx)
}
