package node

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/durin-go/durin/keyring"
)

const (
	liftPurpose = "durin lift lock v1"
	// liftAge is how far the clocks of who asks and who is asked may differ.
	liftAge = time.Minute
)

// LookHeader bears the proof of durin limits that it may look: what NewLook signs.
const LookHeader = "X-Durin-Look"

// look is what is signed where no account is to be lifted: no lift has it, for an
// account is not empty.
var look = Lift{By: "look"}

// NewLook is the header with which durin limits asks a server who is held back.
func NewLook(keys *keyring.Ring, now time.Time) (string, error) {
	l, err := NewLift(keys, look.Account, look.By, now)
	return strconv.FormatInt(l.At, 10) + ":" + l.Mark, err
}

// MayLook reports whether who has one of the keys made header just now.
func MayLook(keys *keyring.Ring, header string, now time.Time) bool {
	at, mark, _ := strings.Cut(header, ":")
	l := look
	var err error
	l.At, err = strconv.ParseInt(at, 10, 64)
	l.Mark = mark
	return err == nil && l.valid(keys, now)
}

// A Lift is what durin limits lift asks of a server. Only who has the key file can
// sign it: others on the same machine may look, and not lift.
type Lift struct {
	Account string `json:"account"`
	By      string `json:"by"` // account of the operating system
	At      int64  `json:"at"` // Unix seconds
	Mark    string `json:"mark"`
}

// NewLift signs with the newest key.
func NewLift(keys *keyring.Ring, account, by string, now time.Time) (Lift, error) {
	all := keys.Keys()
	if len(all) == 0 {
		return Lift{}, errors.New("there is no key to sign with")
	}
	l := Lift{Account: account, By: by, At: now.Unix()}
	id := all[len(all)-1].ID
	l.Mark = id + ":" + l.mac(keys, id)
	return l, nil
}

// Valid reports whether who has one of the keys signed it just now.
func (l Lift) Valid(keys *keyring.Ring, now time.Time) bool {
	return l.Account != "" && l.valid(keys, now)
}

func (l Lift) valid(keys *keyring.Ring, now time.Time) bool {
	id, mac, _ := strings.Cut(l.Mark, ":")
	want := l.mac(keys, id)
	return want != "" && hmac.Equal([]byte(mac), []byte(want)) && now.Sub(time.Unix(l.At, 0)).Abs() <= liftAge
}

func (l Lift) mac(keys *keyring.Ring, id string) string {
	key, ok := keys.DeriveKey(id, liftPurpose)
	if !ok {
		return ""
	}
	m := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(m, "%s\n%q\n%q", strconv.FormatInt(l.At, 10), l.By, l.Account)
	return hex.EncodeToString(m.Sum(nil))
}
