package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"hash"
	"slices"
	"time"

	"github.com/durin-go/durin/keyring"
)

// purpose sets the key of the log apart from those that seal tokens.
const purpose = "durin audit log v1"

// keys makes hashes. It is not safe for concurrent use.
type keys struct {
	ring   *keyring.Ring // nil: no keys
	newest string        // the id that new rows are hashed with; empty: none
	macs   map[string]hash.Hash
	buf    []byte
}

func newKeys(ring *keyring.Ring) *keys {
	k := &keys{ring: ring, macs: map[string]hash.Hash{"": sha256.New()}}
	if ring != nil {
		if all := ring.Keys(); len(all) > 0 {
			k.newest = all[len(all)-1].ID
		}
	}
	return k
}

// mac returns what hashes with that key; of no key it is SHA-256 alone. Nil: the
// key is not here.
func (k *keys) mac(id string) hash.Hash {
	if m, ok := k.macs[id]; ok {
		return m
	}
	var m hash.Hash
	if k.ring != nil {
		if key, ok := k.ring.DeriveKey(id, purpose); ok {
			m = hmac.New(sha256.New, key)
		}
	}
	k.macs[id] = m
	return m
}

// sum hashes what was put into the buffer. ok is false when the key is not here.
func (k *keys) sum(id string) (h Hash, ok bool) {
	m := k.mac(id)
	if m == nil {
		return h, false
	}
	m.Reset()
	_, _ = m.Write(k.buf)
	m.Sum(h[:0])
	return h, true
}

func (k *keys) text(s string) {
	k.buf = binary.AppendUvarint(k.buf, uint64(len(s)))
	k.buf = append(k.buf, s...)
}

func (k *keys) number(n int64) { k.buf = binary.BigEndian.AppendUint64(k.buf, uint64(n)) }

// row is the Hash of r behind one with the Hash prev. Every text is written with
// its length before it, so that no two rows have the same bytes.
func (k *keys) row(prev Hash, r *Row) (Hash, bool) {
	k.buf = k.buf[:0]
	k.text("row")
	k.buf = append(k.buf, prev[:]...)
	k.text(r.Chain)
	k.number(r.Seq)
	k.number(r.At.UnixMicro())
	for _, s := range [...]string{
		string(r.Action), string(r.Actor.Kind), r.Actor.ID, r.Actor.Name, r.UserID, r.UserName, r.Client,
		r.Address, r.Agent, r.RequestID, r.Details, r.KeyID,
	} {
		k.text(s)
	}
	k.number(r.SessionID)
	return k.sum(r.KeyID)
}

// end is the MAC of an end of a chain: "head" or "first".
func (k *keys) end(which, chain string, seq int64, h Hash, keyID string) (Hash, bool) {
	k.buf = k.buf[:0]
	k.text(which)
	k.text(chain)
	k.number(seq)
	k.buf = append(k.buf, h[:]...)
	k.text(keyID)
	return k.sum(keyID)
}

// extend links rows to the chain of head, and moves it. An end that is not as it
// was left, which is signed anew by that, is told in a row before them: Verify
// reports it. least is a Seq that the chain has had.
func (k *keys) extend(head *Head, rows []Row, least int64) []Row {
	vouched := len(rows) > 0 && rows[0].Action == KeyringCreate
	fault := k.faultOf(*head, least)
	switch {
	case len(rows) == 0:
	case fault == "" && head.KeyID != k.newest && head.KeyID != "" && k.newest != "":
		rows = slices.Concat(k.rekeyed(head.KeyID, rows[0].At), rows)
	case fault != "" && !(fault == unsigned && vouched):
		e := Entry{At: rows[0].At, Action: Broken, Actor: Actor{Kind: System}, Details: map[string]any{"end": fault, "through": head.Seq, "key": head.KeyID}}
		rows = slices.Concat([]Row{e.row()}, rows)
	}
	for i := range rows {
		r := &rows[i]
		if r.KeyID == "" {
			r.KeyID = k.newest
		}
		r.Chain, r.Seq = head.Chain, head.Seq+1
		r.Hash, _ = k.row(head.Hash, r)
		head.Seq, head.Hash = r.Seq, r.Hash
	}
	head.KeyID = k.newest
	head.MAC, _ = k.end("head", head.Chain, head.Seq, head.Hash, head.KeyID)
	return rows
}

// What can be wrong with the end of a chain that is to be extended.
const (
	changed  = "changed"  // it is not the one that was signed
	unsigned = "unsigned" // by no key, or one that is not here: nobody can tell
)

func (k *keys) faultOf(head Head, least int64) string {
	mac, ok := k.end("head", head.Chain, head.Seq, head.Hash, head.KeyID)
	switch {
	case head.Seq < least, ok && mac != head.MAC && head.Seq > 0:
		return changed
	case k.newest == "": // who has no key cannot tell
	case !ok, head.KeyID == "" && head.Seq > 0:
		return unsigned
	}
	return ""
}

// rekeyed are the two rows at which a chain goes over from the key old to the
// newest: the last one with the old key, and the first one with the new. Where one
// of the keys is lost later, the other vouches for it.
func (k *keys) rekeyed(old string, at time.Time) []Row {
	var all []string
	for _, info := range k.ring.Keys() {
		all = append(all, info.ID)
	}
	e := Entry{At: at, Action: Rekeyed, Actor: Actor{Kind: System}, Details: map[string]any{"from": old, "to": k.newest, "keys": all}}
	rows := []Row{e.row(), e.row()}
	rows[0].KeyID = old
	return rows
}

// told is what the details of the log's own rows say.
type told struct {
	End, Begin    string   // what is wrong with an end of the chain
	Chain         string   // that was pruned
	Key, From, To string   // ids
	Keys          []string // all that there were
}

// toldOf reads details. What cannot be read tells nothing.
func toldOf(details string) (t told) {
	_ = json.Unmarshal([]byte(details), &t)
	return t
}

// begins tells what is wrong with the beginning of a chain: changed, unsigned or
// nothing.
func (k *keys) begins(head Head) string {
	mac, ok := k.end("first", head.Chain, head.FirstSeq, head.FirstHash, head.FirstKeyID)
	switch {
	case head.FirstSeq == 0:
		return ""
	case ok && mac != head.FirstMAC:
		return changed
	case !ok, head.FirstKeyID == "" && k.newest != "":
		return unsigned
	}
	return ""
}

// seal signs where a chain begins now.
func (k *keys) seal(head Head) Head {
	head.FirstKeyID = k.newest
	head.FirstMAC, _ = k.end("first", head.Chain, head.FirstSeq, head.FirstHash, head.FirstKeyID)
	return head
}
