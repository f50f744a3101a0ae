package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/browse"
	"github.com/durin-go/durin/nodes"
)

// raceEndings lets everything race that makes and ends tokens. Caches forget
// what they are told and no more, so at the end each token that was issued is
// either there, or replaced by one that is, or was told to be ended, once.
func raceEndings(t *testing.T, s durin.Store, repeat int) {
	m := &melee{t: t, s: s, told: map[durin.Digest]int{}}
	m.users, _ = s.(durin.UserStore)
	for _, c := range []durin.Client{
		withPolicy(durin.PolicyReuse, 0), withPolicy(durin.PolicyReplace, 0), withPolicy(durin.PolicyEvict, 2), withPolicy(durin.PolicyReject, 2),
	} {
		c.Rotate = grace
		create(t, s, c)
		m.clients = append(m.clients, c.Name)
	}
	for id := range 3 {
		m.createUser(strconv.Itoa(id + 1))
	}
	together(racers, func(i int) {
		random := rand.New(rand.NewPCG(uint64(i), 17))
		for n := range 30 * repeat {
			m.act(random, fmt.Sprint(i, " ", n))
		}
	})
	m.check()
}

// A melee is one such race.
type melee struct {
	t       *testing.T
	s       durin.Store
	users   durin.UserStore // may be nil
	clients []string

	mu     sync.Mutex
	issued []durin.Digest
	told   map[durin.Digest]int
}

func (m *melee) act(random *rand.Rand, word string) {
	id := strconv.Itoa(random.IntN(3) + 1)
	name := m.clients[random.IntN(len(m.clients))]
	switch n := random.IntN(20); {
	case n < 11:
		m.issue(newToken(word, client(name), user(id), func(n *durin.NewToken) {
			n.Owned = m.users != nil
			n.RenewReused = random.IntN(2) == 0
			n.NoReuse = random.IntN(8) == 0
			n.Lost = m.any(random)
		}))
	case n < 13:
		m.end(durin.Selection{UserID: id, Client: name})
	case n < 14:
		m.end(durin.Selection{UserID: id})
	case n < 15:
		m.end(durin.Selection{Client: name})
	case n < 17:
		m.end(durin.Selection{Digest: m.any(random), UserID: id})
	case n < 18:
		_, err := m.s.Renew(m.t.Context(), m.any(random), after(time.Minute))
		m.fine(err, durin.ErrNotFound)
	case n == 18 && random.IntN(2) == 0:
		m.rotate(random)
	case n < 19:
		m.fine(m.s.Touch(m.t.Context(), []durin.Use{{Digest: m.any(random), At: start, Extend: after(2 * time.Hour)}}))
	case m.users != nil:
		_, ended, err := m.users.DeleteUser(m.t.Context(), id, start)
		m.fine(err, durin.ErrNotFound)
		m.note(nil, ended)
		m.createUser(id)
	}
}

func (m *melee) issue(n durin.NewToken) {
	issued, err := m.s.Issue(m.t.Context(), n)
	m.fine(err, durin.ErrTooManyTokens, durin.ErrInactive)
	if err != nil {
		return
	}
	var fresh []durin.Digest
	if !issued.Reused {
		fresh = []durin.Digest{n.Digest}
		if issued.Session.Digest != n.Digest {
			m.t.Errorf("a new token is %s", show(issued.Session))
		}
	}
	m.note(fresh, issued.Ended)
}

// rotate puts a new token in the place of another. All is in its grace.
func (m *melee) rotate(random *rand.Rand) {
	next := digest(fmt.Sprint("rotated ", random.Uint64()))
	rotated, err := m.s.Rotate(m.t.Context(), durin.Rotation{Digest: m.any(random), Now: start, Successor: next, Seal: []byte("seal")})
	m.fine(err, durin.ErrNotFound)
	if err == nil && rotated.New {
		m.note([]durin.Digest{next}, nil)
	}
}

func (m *melee) end(sel durin.Selection) {
	ended, err := m.s.End(m.t.Context(), sel, start)
	m.fine(err)
	m.note(nil, ended)
}

func (m *melee) createUser(id string) {
	if m.users == nil {
		return
	}
	u := ada()
	u.ID, u.Name = id, "user "+id
	_, err := m.users.CreateUser(m.t.Context(), u)
	m.fine(err, durin.ErrExists)
}

// fine accepts no error but those that are answers.
func (m *melee) fine(err error, answers ...error) {
	for _, answer := range answers {
		if errors.Is(err, answer) {
			return
		}
	}
	if err != nil {
		m.t.Errorf("a call failed because of another: %v", err)
	}
}

func (m *melee) note(issued, ended []durin.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.issued = append(m.issued, issued...)
	for _, d := range ended {
		m.told[d]++
	}
}

// any is one of the tokens that were issued last.
func (m *melee) any(random *rand.Rand) durin.Digest {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.issued) == 0 {
		return digest("none")
	}
	return m.issued[len(m.issued)-1-random.IntN(min(len(m.issued), 2*racers))]
}

func (m *melee) check() {
	there := map[durin.Digest]bool{}
	count := map[string]int{}
	for _, one := range sessions(m.t, m.s, browse.Query{}) {
		there[one.Digest] = true
		count[one.Client.Name+" of "+one.UserID]++
		if most := max(1, one.Client.MaxTokens); count[one.Client.Name+" of "+one.UserID] > most {
			m.t.Errorf("more than %d tokens of %s", most, one.Client.Name)
		}
	}
	for _, d := range m.issued {
		found, err := m.s.Lookup(m.t.Context(), d)
		switch told := m.told[d]; {
		case err == nil && found.ReplacedBy != nil && told == 0 && there[*found.ReplacedBy]:
		case there[d] && told > 0:
			m.t.Errorf("%.8s was told to be ended, and is there", d)
		case !there[d] && told != 1:
			m.t.Errorf("%.8s is gone, and was told %d times", d, told)
		}
		delete(there, d)
	}
	if len(there) > 0 {
		m.t.Errorf("%d tokens are there that nobody was given", len(there))
	}
	for d := range m.told {
		if !slices.Contains(m.issued, d) {
			m.t.Errorf("%.8s was told to be ended, and nobody was given it", d)
		}
	}
	m.checkOutbox()
}

// checkOutbox holds what other nodes are told to what the callers were told.
func (m *melee) checkOutbox() {
	outbox, ok := m.s.(nodes.Outbox)
	if !ok {
		return
	}
	written := map[durin.Digest]int{}
	for _, e := range (&box{Outbox: outbox}).next(m.t) {
		if e.Gone {
			written[e.Digest]++
		}
	}
	for d, n := range written {
		if m.told[d] != n {
			m.t.Errorf("%.8s is in the outbox %d times, and was told %d times", d, n, m.told[d])
		}
	}
	for d := range m.told {
		if written[d] == 0 {
			m.t.Errorf("%.8s was told to be ended, and is not in the outbox", d)
		}
	}
}
