package importer

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/tokenrule"
	"github.com/durin-go/durin/transfer"
)

// sourceTokens is the maximum of tokens a user that a client gets for the
// tokens of a library that has no maximum.
const sourceTokens = 1000

// sources are the libraries without clients whose tokens the dump holds.
func (j *job) sources() []string {
	var all []string
	for _, s := range []struct{ name, model string }{{sourceDRF, drfModel}, {sourceMulti, multiModel}, {sourceKnox, knoxModel}} {
		if j.counts[s.model] > 0 {
			all = append(all, s.name)
		}
	}
	return all
}

// clientFor names the client that gets the tokens of a library.
func (o *Options) clientFor(source string) string {
	if name := o.ClientFor[source]; name != "" {
		return name
	}
	return source
}

// drfToken reads a row of authtoken.token, whose primary key is the clear
// token. It never expires.
func (o *Options) drfToken(r *record) *item {
	secret := r.pk
	if _, given := r.given("key"); given {
		secret = r.text("key")
	}
	r.pk = ""
	t := &transfer.Token{Created: r.instant("created")}
	return o.foreignToken(r, sourceDRF, secret, t)
}

// multiToken reads a row of drf_multitokenauth.multitoken, whose primary key was
// the clear token once. It never expires.
func (o *Options) multiToken(r *record) *item {
	secret, key := r.pk, r.pk
	if _, given := r.given("key"); given || r.pk == "" {
		secret = r.text("key")
	}
	if _, whole := number(key); !whole {
		key = ""
	}
	r.pk = ""
	t := &transfer.Token{
		Created: r.instant("created"),
		Device: tokenrule.Device(durin.Device{
			Name: r.deviceText("name"), Address: r.deviceText("last_known_ip"), Agent: r.deviceText("user_agent"),
		}),
	}
	it := o.foreignToken(r, sourceMulti, secret, t)
	it.key = key
	return it
}

// knoxToken reads a row of knox.authtoken, whose primary key is a SHA-512 of
// the token. Versions of knox before 4.2 put salt to it.
func (o *Options) knoxToken(r *record) *item {
	text := r.pk
	if _, given := r.given("digest"); given {
		text = r.text("digest")
	}
	r.pk = ""
	t := &transfer.Token{Created: r.instant("created"), ExpiresAt: r.optionalInstant("expiry")}
	salt := r.optionalText("salt")
	it := o.foreignItem(r, sourceKnox, t)
	if len(it.faults) == 0 && salt != "" {
		it.fault("the token is salted, as those of knox before 4.2 are: its user has to log in again")
	}
	raw, err := hex.DecodeString(text)
	if len(it.faults) == 0 && (err != nil || len(raw) != len(transfer.LegacyDigest{})) {
		it.fault("its key is no SHA-512 of a token: its user has to log in again")
	}
	if len(it.faults) == 0 {
		legacy := transfer.LegacyDigest(raw)
		t.Legacy, t.Digest = &legacy, transfer.Placeholder(legacy)
	}
	return it
}

func (o *Options) foreignToken(r *record, source, secret string, t *transfer.Token) *item {
	it := o.foreignItem(r, source, t)
	it.clear(secret, t)
	return it
}

func (o *Options) foreignItem(r *record, source string, t *transfer.Token) *item {
	user := r.userReference("user")
	it := newItem(r)
	it.user, it.source = user, source
	it.row.Token = t
	return it
}

// deviceText reads what tells of a device. It is for people only, so what
// cannot be read is replaced rather than a fault.
func (r *record) deviceText(name string) string {
	raw, ok := r.given(name)
	if !ok {
		return ""
	}
	text, err := readText(raw)
	if err != nil {
		return ""
	}
	return text
}

// takeSources finds or makes the clients of libraries that have none.
func (p *pass) takeSources() error {
	for _, source := range p.sources() {
		ref, err := p.takeSource(source, p.clientFor(source))
		if err != nil {
			return err
		}
		p.clients.sources[source] = ref
	}
	return nil
}

func (p *pass) takeSource(source, name string) (clientRef, error) {
	if ref, there := p.clients.refs[reference{name: name}]; there {
		return p.makeRoom(source, ref)
	}
	c := durin.Client{Name: name, TTL: durin.Never, Policy: durin.PolicyEvict, MaxTokens: sourceTokens, Created: p.now}
	row := transfer.Row{Source: p.source(clientModel), Key: strings.Replace(nameKey(name), "name:", "for:", 1), Client: &c}
	row.Mark = markOf(row)
	results, err := p.importRows(p.ctx, []transfer.Row{row}, p.dry)
	if err != nil {
		return clientRef{}, err
	}
	ref := clientRef{name: name, policy: c.Policy, most: c.MaxTokens, fresh: p.dry}
	switch results[0].Outcome {
	case transfer.Imported:
		p.report.note("The tokens of %s go to a new client %q: policy evict with at most %d tokens a user, life time never.", source, name, sourceTokens)
		p.clients.refs[reference{name: name}] = ref
		return ref, nil
	case transfer.KnownBefore:
		return p.clients.here(results[0].ID, ref), nil
	}
	return p.makeRoom(source, p.clients.here(results[0].ID, ref))
}

// makeRoom gives a client that has one token a user a policy that allows
// several.
func (p *pass) makeRoom(source string, ref clientRef) (clientRef, error) {
	change := ref.policy != durin.PolicyEvict && ref.policy != durin.PolicyReject && ref.name != ""
	store, ok := p.dst.(durin.Store)
	if change && ok {
		ref.policy, ref.most = durin.PolicyEvict, sourceTokens
	}
	p.report.note("The tokens of %s go to the client %q: policy %s with at most %d tokens a user.", source, ref.name, ref.policy, ref.most)
	if !change || !ok || p.dry || ref.fresh {
		return ref, nil
	}
	_, err := store.UpdateClient(context.WithoutCancel(p.ctx), ref.name, p.now, func(c *durin.Client) error {
		c.Policy, c.MaxTokens = durin.PolicyEvict, sourceTokens
		return nil
	})
	if err != nil {
		return ref, fmt.Errorf("importer: the client %q: %w", ref.name, err)
	}
	return ref, nil
}
