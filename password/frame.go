package password

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/durin-go/durin"
	"github.com/durin-go/durin/internal/phc"
)

// A frame is its length, four bytes, and as many of
//
//	request: id (4), derive or not (1), length of the password (2), password, hash
//	answer:  id (4), nanoseconds (8), what it is (1), checksum or fault
//
// with numbers in big endian. Answers come in any order.
const (
	lengthBytes  = 4
	requestBytes = 4 + 1 + 2
	answerBytes  = 4 + 8 + 1

	maxRequest = requestBytes + MaxBytes + phc.MaxEncoded
	maxAnswer  = answerBytes + 512
)

// What an answer is.
const (
	answerWrong = iota
	answerRight
	answerFault
)

var errFrame = errors.New("password: malformed message between processes")

// appendRequest appends the frame of a job.
func appendRequest(b []byte, id uint32, j job) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(requestBytes+len(j.pw)+len(j.encoded)))
	b = binary.BigEndian.AppendUint32(b, id)
	derive := byte(0)
	if j.derive {
		derive = 1
	}
	b = binary.BigEndian.AppendUint16(append(b, derive), uint16(len(j.pw)))
	return append(append(b, j.pw.Reveal()...), j.encoded...)
}

// parseRequest reads a frame's content.
func parseRequest(b []byte) (id uint32, j job, err error) {
	if len(b) < requestBytes || len(b) > maxRequest || b[4] > 1 {
		return 0, j, errFrame
	}
	length := int(binary.BigEndian.Uint16(b[5:]))
	rest := b[requestBytes:]
	if length > MaxBytes || length > len(rest) || len(rest)-length > phc.MaxEncoded {
		return 0, j, errFrame
	}
	return binary.BigEndian.Uint32(b), job{pw: durin.Secret(rest[:length]), encoded: string(rest[length:]), derive: b[4] == 1}, nil
}

// appendAnswer appends the frame of an outcome.
func appendAnswer(b []byte, id uint32, o outcome) []byte {
	what, rest := byte(answerWrong), o.sum
	switch {
	case o.fault != "":
		what, rest = answerFault, []byte(o.fault)
	case o.ok:
		what = answerRight
	}
	rest = rest[:min(len(rest), maxAnswer-answerBytes)]
	b = binary.BigEndian.AppendUint32(b, uint32(answerBytes+len(rest)))
	b = binary.BigEndian.AppendUint32(b, id)
	b = binary.BigEndian.AppendUint64(b, uint64(o.took))
	return append(append(b, what), rest...)
}

// parseAnswer reads a frame's content.
func parseAnswer(b []byte) (id uint32, o outcome, err error) {
	if len(b) < answerBytes || len(b) > maxAnswer {
		return 0, o, errFrame
	}
	id, o.took = binary.BigEndian.Uint32(b), time.Duration(binary.BigEndian.Uint64(b[4:]))
	what, rest := b[12], b[answerBytes:]
	switch {
	case o.took < 0:
		return 0, o, errFrame
	case what == answerFault && len(rest) > 0:
		o.fault = string(rest)
	case what == answerWrong, what == answerRight && len(rest) == 0:
		o.ok = what == answerRight
		o.sum = append(o.sum, rest...)
	default:
		return 0, o, errFrame
	}
	return id, o, nil
}

// readFrame reads a frame's content of at most that many bytes, into memory of
// its own. The error is io.EOF where none begins.
func readFrame(r io.Reader, most int) ([]byte, error) {
	var length [lengthBytes]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > uint32(most) {
		return nil, fmt.Errorf("%w: %d bytes", errFrame, n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("%w: it ends early", errFrame)
	}
	return b, nil
}
