package audit

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// anchorHeads is how many heads one row takes note of.
const anchorHeads = 25

// A Mark is a row that somebody took note of: that a chain reached it, and its
// hash. Its text form is "chain:seq:hash".
type Mark struct {
	Chain string
	Seq   int64
	Hash  Hash
}

// String is the text form.
func (m Mark) String() string {
	return fmt.Sprintf("%s:%d:%s", m.Chain, m.Seq, hex.EncodeToString(m.Hash[:]))
}

// ParseMark reads the text form.
func ParseMark(text string) (Mark, error) {
	rest, sum := lastCut(text)
	chain, seq := lastCut(rest)
	m := Mark{Chain: chain}
	raw, err := hex.DecodeString(sum)
	if err == nil {
		m.Seq, err = strconv.ParseInt(seq, 10, 64)
	}
	if err != nil || len(raw) != len(m.Hash) || chain == "" || m.Seq < 1 {
		return Mark{}, fmt.Errorf("audit: %q is not in the form chain:seq:hash", text)
	}
	copy(m.Hash[:], raw)
	return m, nil
}

func lastCut(s string) (before, after string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+1:]
}

// anchors are the rows that take note of where other chains stand, when it is
// time for that and they have moved.
func (l *Log) anchors(heads []Head, now time.Time) []Row {
	own := slices.IndexFunc(heads, func(h Head) bool { return h.Chain == l.opt.Chain })
	if own >= 0 && !l.due(heads[own].Anchored, now) {
		return nil
	}
	var marks []Mark
	for i, h := range heads {
		if i != own && h.Seq > l.anchored[h.Chain] {
			marks = append(marks, Mark{h.Chain, h.Seq, h.Hash})
		}
	}
	var rows []Row
	for some := range slices.Chunk(marks, anchorHeads) {
		r := Entry{At: now, Action: Anchor, Actor: Actor{Kind: System}}.row()
		r.Details = marksText(some)
		rows = append(rows, r)
	}
	return rows
}

// due reports whether it is time to take note of others. What the database says of
// the last time is believed for as long as this process remembers nothing else:
// who can write it could say each moment that it was just now.
func (l *Log) due(noted, now time.Time) bool {
	every := l.opt.AnchorEvery
	return now.Sub(noted) >= every || noted.After(now) || now.Sub(l.noted) >= every
}

// marksText is what a row says of marks.
func marksText(marks []Mark) string {
	list := make([]string, len(marks))
	for i, m := range marks {
		list[i] = m.String()
	}
	text, _ := json.Marshal(map[string][]string{"heads": list})
	return string(text)
}

// marksOf reads what an anchor says. One that cannot be read says nothing: its
// hash tells whether it was changed.
func marksOf(details string) []Mark {
	var said struct {
		Heads []string `json:"heads"`
	}
	_ = json.Unmarshal([]byte(details), &said)
	var marks []Mark
	for _, text := range said.Heads {
		if m, err := ParseMark(text); err == nil {
			marks = append(marks, m)
		}
	}
	return marks
}
